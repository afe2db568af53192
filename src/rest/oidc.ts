/**
 * What the operations that sign in with a provider share: which provider, the key of the browser
 * and what follows from it, and the way back to the app.
 */
import { createHmac } from "node:crypto";
import { ApiError, type ErrorCode } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import type { OidcClient, OidcPerson, OidcSecrets } from "../resources/oidc.ts";
import { createRandomToken, hashToken } from "../resources/tokens.ts";
import { spelledAddress, text } from "./body.ts";
import type { RestAnswer, RestRequest } from "./handler.ts";
import { limitTries } from "./limits.ts";

/** @throws {ApiError} NOT_FOUND; RATE_LIMITED */
export async function providerOf(resources: Resources, request: RestRequest): Promise<OidcClient> {
  const client = resources.oidc.get(request.params.provider ?? "");
  if (client === undefined) throw new ApiError("NOT_FOUND");
  await limitTries(resources, "oidcNetwork", request.network);
  return client;
}

const COOKIE = "__Host-oidc";
/** As long as the database waits for somebody who was sent to a provider. */
const SECONDS = 600;

/**
 * The key that binds a sign-in to a browser; one for all that it begins, so that two tabs do not
 * disturb each other.
 */
export function browserKey({ header }: Pick<RestRequest, "header">): string | undefined {
  const cookies = header("cookie") ?? "";
  return new RegExp(`(?:^|;) *${COOKIE}=([\\w-]{43}) *(?:;|$)`).exec(cookies)?.[1];
}

export function browserCookie(key: string): string {
  return `${COOKIE}=${key}; Path=/; Max-Age=${SECONDS}; Secure; HttpOnly; SameSite=Lax`;
}

export function secretsOf(key: string, state: string): OidcSecrets {
  const derive = (what: string): string =>
    createHmac("sha256", key).update(`${what} ${state}`).digest("base64url");
  return { state, nonce: derive("nonce"), verifier: derive("verifier") };
}

/** Sends the browser on. */
export function sendTo(address: string, headers: RestAnswer["headers"] = {}): RestAnswer {
  return { status: 302, headers: { ...headers, Location: address } };
}

/** The page of the app, with the code by which it gets the session. */
export function appAddress({ config }: Resources, code: string): string {
  return `${config.app.url}${config.app.signInPath.replace("{code}", code)}`;
}

/**
 * A person who is on the way in a browser reads of a refusal in the app, which gets its code as the
 * parameter `error`; programs get the problem.
 */
export async function orToApp(
  resources: Resources,
  { header }: Pick<RestRequest, "header">,
  work: () => Promise<RestAnswer>,
): Promise<RestAnswer> {
  try {
    return await work();
  } catch (error) {
    const isPage = header("accept")?.includes("text/html") === true;
    if (!(error instanceof ApiError) || !isPage) throw error;
    return sendTo(appAddressOfError(resources, error.code));
  }
}

function appAddressOfError(resources: Resources, code: ErrorCode): string {
  const address = new URL(appAddress(resources, ""));
  address.searchParams.set("error", code);
  return address.href;
}

/** Keeps what a provider said, and gives the code by which the app asks for it. */
export async function keepProof(
  resources: Resources,
  codeChallenge: string,
  person: OidcPerson,
): Promise<string> {
  const { token, hash } = createRandomToken();
  await resources.pool.query("select app_private.keep_oidc_proof($1, $2, $3, $4, $5, $6, $7)", [
    hash,
    codeChallenge,
    person.issuer,
    person.subject,
    addressIn(person),
    person.emailVerified,
    displayName(person),
  ]);
  return token;
}

/** The code and the challenge of a body that shows code and verifier. */
export function proofIn(body: unknown): [codeHash: Buffer, codeChallenge: string] {
  return [
    hashToken(text(body, "code")),
    hashToken(text(body, "codeVerifier")).toString("base64url"),
  ];
}

/** In our spelling; null where there is none, or none that mail goes to. */
function addressIn({ email }: OidcPerson): string | null {
  const address = email === undefined ? undefined : spelledAddress(email);
  const isPlausible = /^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$/.test(address ?? "");
  return address !== undefined && isPlausible && address.length <= 254 ? address : null;
}

const MOST_CHARACTERS = 80;
/** What nobody sees, and what breaks a line. */
const NOT_PLAIN = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Z}]+/gu;

/** Others see it: no part of the address stands in for a name. */
function displayName({ name = "" }: OidcPerson): string {
  const plain = name.replaceAll(NOT_PLAIN, " ").trim();
  return [...plain].slice(0, MOST_CHARACTERS).join("").trim() || "Guest";
}
