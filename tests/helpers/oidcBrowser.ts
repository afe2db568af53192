/**
 * As much of a browser as a sign-in with a provider takes: it keeps the cookies of each origin,
 * follows redirects, and fills in the pages of the provider.
 */
import { createHash, randomBytes } from "node:crypto";

export interface OidcBrowser {
  /** One request, with the cookies of its origin; `at` is where that address really is. */
  visit(address: string, init?: RequestInit & { readonly at?: string }): Promise<Response>;
  /** Cookies for an origin. */
  cookies(origin: string): ReadonlyMap<string, string>;
  /** From a page of the provider to the address to which it sends the browser back. */
  passProvider(address: string, answer: string | "cancel"): Promise<string>;
}

/** @param home where people come back, which is none of the provider's */
export function openOidcBrowser(home: string): OidcBrowser {
  const jars = new Map<string, Map<string, string>>();
  const jarOf = (origin: string): Map<string, string> => {
    const jar = jars.get(origin) ?? new Map<string, string>();
    jars.set(origin, jar);
    return jar;
  };
  const visit: OidcBrowser["visit"] = async (address, { at, ...init } = {}) => {
    const { origin, pathname, search } = new URL(address);
    const jar = jarOf(origin);
    const response = await fetch(`${at ?? origin}${pathname}${search}`, {
      redirect: "manual",
      ...init,
      headers: {
        accept: "text/html",
        cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
        ...init.headers,
      },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  };
  const passProvider: OidcBrowser["passProvider"] = async (address, answer) => {
    let next = new URL(address);
    let response = await visit(next.href);
    for (let step = 0; step < 12; step += 1) {
      const location = response.headers.get("location");
      if (location !== null) {
        next = new URL(location, next);
        if (next.origin === home) return next.href;
        response = await visit(next.href);
        continue;
      }
      const page = await response.text();
      if (answer === "cancel") {
        response = await visit(`${next.href}/abort`);
        continue;
      }
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
      if (prompt === undefined) throw new Error(`The provider says: ${page}`);
      const body = new URLSearchParams({ prompt, login: answer, password: "any" });
      response = await visit(next.href, { method: "POST", body });
    }
    throw new Error("The provider does not send the browser back.");
  };
  return { visit, cookies: jarOf, passProvider };
}

export interface Pkce {
  readonly codeVerifier: string;
  readonly codeChallenge: string;
}

/** What an app draws before it sends somebody to a provider. */
export function drawPkce(): Pkce {
  const codeVerifier = randomBytes(32).toString("base64url");
  const codeChallenge = createHash("sha256").update(codeVerifier).digest("base64url");
  return { codeVerifier, codeChallenge };
}
