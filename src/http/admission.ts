/** Which operations somebody may ask for at all, before anything is looked up for them. */
import { ApiError } from "../errors.ts";
import type { AccessClaims } from "../resources/tokens.ts";

/** What the OpenAPI document says of an operation. */
export interface Admitting {
  readonly security?: readonly unknown[] | undefined;
  readonly method: string;
  readonly operationId?: string | undefined;
}

/**
 * Every documented operation needs a token, unless its own `security` is empty; one that lists
 * `{}` takes a token, and does without. Who acts as somebody else reads, and signs out.
 * @throws {ApiError} UNAUTHENTICATED, READ_ONLY
 */
export function assertAdmitted(
  { security, method, operationId }: Admitting,
  viewer: AccessClaims | undefined,
): void {
  const isOptional = security?.some((each) => Object.keys(Object(each)).length === 0) === true;
  if (viewer === undefined && security?.length !== 0 && !isOptional) {
    throw new ApiError("UNAUTHENTICATED");
  }
  // What is declared, the database refuses; what is coded may ask others than the database.
  const isRead = method.toUpperCase() === "GET" || operationId === "logOut";
  if (viewer?.impersonatorId !== undefined && !isRead) throw new ApiError("READ_ONLY");
}
