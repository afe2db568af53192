/**
 * Cookies that scripts cannot read and that no other host can set: `__Host-` makes browsers insist
 * on it (RFC 6265bis). Chromium takes http on localhost for secure.
 */
interface CookieOptions {
  readonly seconds: number;
  /** Strict where no page of another site has to lead here with it. */
  readonly sameSite: "Lax" | "Strict";
}

/** The header that sets a cookie; with no seconds it is forgotten. */
export function setCookie(name: string, value: string, options: CookieOptions): string {
  const { seconds, sameSite } = options;
  return `${name}=${value}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=${sameSite}`;
}

/** The value of a cookie that a browser sends, if it has one. */
export function cookieIn(cookies: string | undefined, wanted: string): string | undefined {
  for (const cookie of cookies?.split(";") ?? []) {
    const [name, value] = cookie.trim().split("=");
    if (name === wanted && value) return value;
  }
  return undefined;
}
