/**
 * What a request says about itself, settled before anything reads it: headers of which there may be
 * one are there once, and media types are compared as RFC 9110 says, whatever their case.
 */
import type { Express } from "express";
import { ApiError } from "../errors.ts";

/** Node keeps the first of two and proxies the last: so neither may decide. */
const SINGLE = new Set(["host", "authorization", "content-type", "stripe-signature"]);

const HOST = /^([\w.-]+|\[[\da-f:.]+\])(:\d+)?$/i;

export function installHeaders(app: Express): void {
  app.use((request, _response, next) => {
    const seen = new Set<string>();
    // Names and values in turns.
    for (let index = 0; index < request.rawHeaders.length; index += 2) {
      const name = request.rawHeaders[index]?.toLowerCase() ?? "";
      if (!SINGLE.has(name)) continue;
      if (seen.has(name)) throw new ApiError("INVALID_INPUT", `There are two ${name} headers.`);
      seen.add(name);
    }
    const { headers } = request;
    if (!HOST.test(headers.host ?? "localhost")) {
      throw new ApiError("INVALID_INPUT", "The Host header names no host.");
    }
    const type = headers["content-type"];
    if (type !== undefined) {
      headers["content-type"] = type.replace(/^[^;]*/, (media) => media.toLowerCase());
    }
    next();
  });
}
