/**
 * POST /v1/auth/confirm: the link in the mail was opened; the account comes to be and is signed in.
 */
import { ApiError } from "../errors.ts";
import { hashRefreshToken } from "../resources/tokens.ts";
import { text } from "./body.ts";
import type { RestHandler } from "./handler.ts";
import { limitTries, startSession } from "./sessions.ts";

export const confirmRegistration: RestHandler = async (resources, request) => {
  await limitTries(resources, "address", request.ip);
  const { rows } = await resources.pool.query<{ user_id: string }>(
    "select app_private.confirm_registration($1) as user_id",
    [hashRefreshToken(text(request.body, "token"))],
  );
  const [row] = rows;
  if (row === undefined) throw new ApiError("REGISTRATION_INVALID");
  return {
    status: 201,
    body: await startSession(resources, row.user_id, request.header("user-agent")),
  };
};
