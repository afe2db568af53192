/** POST /v1/auth/email/confirm: the link in the mail to the new address was opened. */
import type { Resources } from "../resources/index.ts";
import { hashToken } from "../resources/tokens.ts";
import { askServer } from "./askServer.ts";
import { text } from "./body.ts";
import type { RestHandler, RestRequest } from "./handler.ts";
import { limitTries } from "./limits.ts";

export const confirmEmailChange: RestHandler = async (resources, request) => {
  await takeNewAddress(resources, request);
  return { status: 204 };
};

/** @throws {ApiError} LINK_INVALID */
export async function takeNewAddress(
  resources: Resources,
  request: Pick<RestRequest, "body" | "network">,
): Promise<void> {
  await limitTries(resources, "linkNetwork", request.network);
  await askServer(resources, request, "select app_private.confirm_email_change($1)", [
    hashToken(text(request.body, "token")),
  ]);
}
