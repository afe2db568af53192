/**
 * What whoever registers is given, and shows when the mailed link is opened: who has it and the
 * link need not repeat the password. Browsers keep it as a cookie for our own page, apps from the
 * answer. A stranger who registers another's address has the key and never the link.
 */
const NAME = "__Host-registration";
const SECONDS = 86_400;

export function registrationCookie(key: string): string {
  return `${NAME}=${key}; Path=/; Max-Age=${SECONDS}; Secure; HttpOnly; SameSite=Lax`;
}

/** The key that a browser sends, if it has one. */
export function keyInCookies(cookies: string | undefined): string | undefined {
  for (const cookie of cookies?.split(";") ?? []) {
    const [name, value] = cookie.trim().split("=");
    if (name === NAME && value) return value;
  }
  return undefined;
}
