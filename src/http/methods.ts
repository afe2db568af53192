/**
 * Which methods an address takes. HEAD goes with GET, and what an address does not take is answered
 * with 405 and `Allow`; without that it would look as if there were nothing.
 */
import type { Express, RequestHandler } from "express";
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";

/** Serves one address: what is not in `handlers` is a method that it does not take. */
export function serve(
  app: Express,
  path: string,
  handlers: Readonly<Partial<Record<"get" | "post", RequestHandler | RequestHandler[]>>>,
): void {
  const route = app.route(path);
  const { get, post } = handlers;
  if (get !== undefined) route.get(get);
  if (post !== undefined) route.post(post);
  const methods = [...(get === undefined ? [] : ["GET", "HEAD"]), ...(post ? ["POST"] : [])];
  route.all(refuse(methods.join(", ")));
}

/** Completes what Grafserv says about its two addresses; it comes before them. */
export function installGraphqlMethods(app: Express, { config }: Resources): void {
  const [taken, named] =
    config.http.trustedDocuments === undefined
      ? [["POST"], "POST"]
      : [["POST", "GET", "HEAD"], "GET, HEAD, POST"];
  app.use("/graphql", (request, response, next) => {
    if (!taken.includes(request.method)) response.setHeader("Allow", named);
    next();
  });
  if (config.environment === "production") return;
  const other = refuse("GET, HEAD");
  app.use("/graphiql", (request, response, next) => {
    if (request.method === "GET" || request.method === "HEAD") next();
    else other(request, response, next);
  });
}

/** The cause has the form in which the OpenAPI validator says it. */
function refuse(allow: string): RequestHandler {
  return () => {
    throw new ApiError("METHOD_NOT_ALLOWED", undefined, { cause: { headers: { Allow: allow } } });
  };
}
