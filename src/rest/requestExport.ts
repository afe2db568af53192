/** POST /v1/me/export: a job puts together all data of a person, and mails the link to them. */
import { askServer } from "./askServer.ts";
import type { RestHandler } from "./handler.ts";
import { proveIdentity } from "./proveIdentity.ts";

export const requestExport: RestHandler = async (resources, request) => {
  const { viewer } = await proveIdentity(resources, request, "password");
  await askServer(resources, request, "select app_private.request_export($1)", [viewer.userId]);
  return { status: 202, body: { message: "We mail you a link when your data are ready." } };
};
