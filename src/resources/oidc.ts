/**
 * Asks providers of OpenID Connect who somebody is: the way there, and what they say when somebody
 * comes back. Which account that is, and whether it may come back at all, is decided elsewhere.
 */
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
} from "openid-client";
import type { CompleteConfig, OidcProvider } from "../config/index.ts";
import { ApiError } from "../errors.ts";
import { memberOf, numberIn, textIn } from "../values.ts";
import { bounded } from "./bounded.ts";
import type { Logger } from "./logger.ts";

/** The secrets of one way to a provider and back, all of base64url. */
export interface OidcSecrets {
  readonly state: string;
  readonly nonce: string;
  /** That of the provider's code (RFC 7636). */
  readonly verifier: string;
}

/** What a provider says of somebody; only the subject is certain to be there. */
export interface OidcPerson {
  /** The provider, as it names itself. */
  readonly issuer: string;
  /** The person, as the provider names them: for good, and nobody else. */
  readonly subject: string;
  readonly email: string | undefined;
  readonly emailVerified: boolean;
  readonly name: string | undefined;
}

export interface OidcClient {
  readonly provider: Pick<OidcProvider, "name" | "title" | "issuer">;
  /**
   * The address to which a browser is sent.
   * @throws {ApiError} OIDC_UNAVAILABLE, OIDC_ANSWER_INVALID
   */
  begin(secrets: OidcSecrets): Promise<string>;
  /**
   * Who came back with these parameters.
   * @throws {ApiError} OIDC_CANCELLED, OIDC_UNAVAILABLE, OIDC_ANSWER_INVALID
   */
  end(query: URLSearchParams, secrets: OidcSecrets): Promise<OidcPerson>;
}

/** How long one request to a provider may take, and all of one sign-in together. */
const REQUEST_SECONDS = 4;
const ALL_MS = 8000;

/** How long the description of a provider is believed. */
const DESCRIPTION_MS = 3_600_000;

const SCOPE = "openid email profile";

/** The clients by the names of their providers. They hold nothing that must be closed. */
export function createOidcClients(
  { oidcProviders, http }: Pick<CompleteConfig, "oidcProviders" | "http">,
  logger: Pick<Logger, "warn">,
): ReadonlyMap<string, OidcClient> {
  return new Map(
    oidcProviders.map((provider) => {
      const callback = `${http.publicUrl}/v1/auth/oidc/${provider.name}/callback`;
      return [provider.name, createClient(provider, callback, logger)];
    }),
  );
}

function createClient(
  provider: OidcProvider,
  callback: string,
  logger: Pick<Logger, "warn">,
): OidcClient {
  const { name, title, issuer } = provider;
  const describe = keptFor(DESCRIPTION_MS, () => discover(provider));
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await bounded(ALL_MS, `A sign-in with ${name}`, work());
    } catch (error) {
      throw refusal(error, name, logger);
    }
  };
  return {
    provider: { name, title, issuer },
    begin: ({ state, nonce, verifier }) =>
      attempt(async () => {
        const address = buildAuthorizationUrl(await describe(), {
          redirect_uri: callback,
          scope: SCOPE,
          state,
          nonce,
          code_challenge: await calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
        });
        return address.href;
      }),
    end: (query, { state, nonce, verifier }) =>
      attempt(async () =>
        askWho(await describe(), new URL(`${callback}?${query}`), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
        }),
      ),
  };
}

async function askWho(
  configuration: Configuration,
  address: URL,
  checks: NonNullable<Parameters<typeof authorizationCodeGrant>[2]>,
): Promise<OidcPerson> {
  const tokens = await authorizationCodeGrant(configuration, address, checks);
  const token = tokens.claims();
  // The standard names people so.
  if (token === undefined || !/^[\x20-\x7e]{1,255}$/.test(token.sub)) {
    throw new Error("The id token names nobody.");
  }
  const { issuer, userinfo_endpoint: more } = configuration.serverMetadata();
  // Many providers put no more into the token than they must.
  const asks = token.email === undefined && more !== undefined;
  const said = asks ? await fetchUserInfo(configuration, tokens.access_token, token.sub) : token;
  const names = ["name", "given_name", "nickname"].map((claim) => textIn(said, claim));
  return {
    issuer,
    subject: token.sub,
    email: textIn(said, "email"),
    // Some write it as text.
    emailVerified: String(memberOf(said, "email_verified")) === "true",
    name: names.find((each) => each !== undefined),
  };
}

/** What the provider writes about itself: its addresses, and where its keys are. */
function discover({ issuer, clientId, clientSecret }: OidcProvider): Promise<Configuration> {
  const execute = [enableNonRepudiationChecks];
  if (issuer.startsWith("http:")) execute.push(allowInsecureRequests);
  return discovery(new URL(issuer), clientId, undefined, authenticateBy(clientSecret), {
    execute,
    timeout: REQUEST_SECONDS,
  });
}

/** In the body where the provider takes it there; else as all providers must take it. */
function authenticateBy(secret: string): ClientAuth {
  const [post, basic] = [ClientSecretPost(secret), ClientSecretBasic(secret)];
  return (server, ...others) => {
    const takesPost = server.token_endpoint_auth_methods_supported?.includes("client_secret_post");
    return (takesPost ? post : basic)(server, ...others);
  };
}

/** Keeps what `load` gives for a time; who asks meanwhile waits with the others. Failures go. */
function keptFor<T>(ms: number, load: () => Promise<T>): () => Promise<T> {
  let kept: { readonly value: Promise<T>; readonly until: number } | undefined;
  return () => {
    if (kept !== undefined && performance.now() < kept.until) return kept.value;
    const value = load();
    const mine = { value, until: performance.now() + ms };
    kept = mine;
    value.catch(() => {
      if (kept === mine) kept = undefined;
    });
    return value;
  };
}

/** What a person is told. What the provider said may be about a person, so no log has it. */
function refusal(error: unknown, provider: string, logger: Pick<Logger, "warn">): ApiError {
  const said = textIn(error, "error");
  if (error instanceof AuthorizationResponseError && said === "access_denied") {
    return new ApiError("OIDC_CANCELLED");
  }
  const reason = {
    code: textIn(error, "code") ?? textIn(error, "name"),
    error: said !== undefined && /^[a-z_]{1,60}$/.test(said) ? said : undefined,
    claim: textIn(memberOf(memberOf(error, "cause"), "cause"), "claim"),
  };
  logger.warn({ provider, reason }, "a provider of OpenID Connect did not say who somebody is");
  return new ApiError(isAway(error, said) ? "OIDC_UNAVAILABLE" : "OIDC_ANSWER_INVALID");
}

const AWAY_CODES = ["TIMED_OUT", "OAUTH_TIMEOUT", "OAUTH_ABORT"];
const AWAY_ERRORS = ["server_error", "temporarily_unavailable"];

/** No connection, no answer in time, or one that says so. */
function isAway(error: unknown, said: string | undefined): boolean {
  const code = textIn(error, "code");
  // What fetch throws has no code.
  if (error instanceof TypeError && code === undefined) return true;
  const status = numberIn(error, "status") ?? numberIn(memberOf(error, "cause"), "status") ?? 0;
  return AWAY_CODES.includes(code ?? "") || AWAY_ERRORS.includes(said ?? "") || status >= 500;
}
