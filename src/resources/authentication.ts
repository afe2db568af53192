/**
 * Says who sends a request, from its Authorization header alone, for GraphQL and REST alike. What
 * they may then do is row-level security's matter.
 */
import { ApiError } from "../errors.ts";
import type { Resources } from "./index.ts";
import type { AccessClaims } from "./tokens.ts";

/** Who asks. */
export interface Identity {
  /** The database role to become, by its configured name. */
  readonly role: string;
  /** The claims of the token; missing where nobody is signed in. */
  readonly viewer: AccessClaims | undefined;
}

/**
 * Without a header the sender is a visitor who is not signed in; a header that is there has to be
 * right, so that nobody is taken for a stranger by mistake.
 * @throws {ApiError} `TOKEN_EXPIRED`, or `TOKEN_INVALID` for everything else that is not a living
 *   token of ours
 */
export async function authenticate(
  resources: Pick<Resources, "config" | "tokens" | "revocations">,
  authorization: string | undefined,
): Promise<Identity> {
  const { visitor, operator } = resources.config.database;
  if (authorization === undefined) return { role: visitor, viewer: undefined };
  const token = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
  if (token === undefined) throw new ApiError("TOKEN_INVALID");
  const result = resources.tokens.verifyAccessToken(token);
  if (!result.ok) {
    throw new ApiError(result.reason === "expired" ? "TOKEN_EXPIRED" : "TOKEN_INVALID");
  }
  const { claims } = result;
  if (await resources.revocations.isRevoked(claims.sessionId)) {
    throw new ApiError("TOKEN_INVALID", "This session has ended. Log in again.");
  }
  return { role: claims.role === "operator" ? operator : visitor, viewer: claims };
}
