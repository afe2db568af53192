/**
 * The refresh token as a cookie, for pages: no script can read it, so a hostile one cannot take it
 * away. A browser sends it by itself, whoever wrote the page that asks; so a request is taken on
 * its word only from a page of ours, or of an origin that CORS_ORIGINS lists.
 */
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { cookieIn, setCookie } from "./cookies.ts";
import type { RestRequest } from "./handler.ts";

const NAME = "__Host-staybase-refresh";

type Headers = Pick<RestRequest, "header">;

/** The header of an answer that gives the token to the browser. */
export function keepRefreshToken({ config }: Resources, token: string): Record<string, string> {
  const seconds = config.tokens.refreshDays * 86_400;
  return { "Set-Cookie": setCookie(NAME, token, { seconds, sameSite: "Strict" }) };
}

/** The header of an answer after which a browser that has a token has none. */
export function forgetRefreshToken(request: Headers): Record<string, string> {
  if (cookieIn(request.header("cookie"), NAME) === undefined) return {};
  return { "Set-Cookie": setCookie(NAME, "", { seconds: 0, sameSite: "Strict" }) };
}

/**
 * The token that a browser sends, if it has one.
 * @throws {ApiError} ORIGIN_NOT_ALLOWED where a page of somebody else asks with it
 */
export function refreshTokenInCookies(resources: Resources, request: Headers): string | undefined {
  const token = cookieIn(request.header("cookie"), NAME);
  if (token !== undefined && !isTrusted(resources, request)) {
    throw new ApiError("ORIGIN_NOT_ALLOWED");
  }
  return token;
}

/**
 * Whether a page asks that we trust. Browsers say `Origin` with every POST, and no script can
 * change it; where a proxy has taken it off, `Sec-Fetch-Site` is as good. Who says neither is no
 * browser, and has no need of a cookie.
 */
function isTrusted({ config }: Resources, request: Headers): boolean {
  const origin = request.header("origin");
  if (origin === undefined) return request.header("sec-fetch-site") === "same-origin";
  const { publicUrl, corsOrigins } = config.http;
  const { origin: own, protocol } = new URL(publicUrl);
  // A server has more than one name, such as localhost and 127.0.0.1.
  return [own, `${protocol}//${request.header("host")}`, ...corsOrigins].includes(origin);
}
