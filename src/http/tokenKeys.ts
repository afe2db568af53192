/** The public keys of the access tokens (RFC 7517), for services beside this one that take them. */
import type { Express } from "express";
import type { Resources } from "../resources/index.ts";
import { serve } from "./methods.ts";

/** A new key waits for this long, as the second one, before it signs. */
const CACHE_SECONDS = 300;

export function installTokenKeys(app: Express, { tokens }: Resources): void {
  const keys = JSON.stringify({ keys: tokens.publicKeys });
  serve(app, "/.well-known/jwks.json", {
    get: (_request, response) => {
      response.setHeader("Cache-Control", `public, max-age=${CACHE_SECONDS}`);
      response.type("application/jwk-set+json").send(keys);
    },
  });
}
