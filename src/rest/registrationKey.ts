/**
 * What whoever registers is given, and shows when the mailed link is opened: who has it and the
 * link need not repeat the password. Browsers keep it as a cookie for our own page, apps from the
 * answer. A stranger who registers another's address has the key and never the link.
 */
import { cookieIn, setCookie } from "./cookies.ts";

const NAME = "__Host-registration";
const SECONDS = 86_400;

export function registrationCookie(key: string): string {
  // The mail that leads to the page is opened at another site.
  return setCookie(NAME, key, { seconds: SECONDS, sameSite: "Lax" });
}

/** The key that a browser sends, if it has one. */
export function keyInCookies(cookies: string | undefined): string | undefined {
  return cookieIn(cookies, NAME);
}
