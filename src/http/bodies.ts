/**
 * Reads the JSON bodies of REST. What two readers would understand differently is refused: a body
 * where none belongs, and an object that says the same key twice.
 */
import express, { type Request, type RequestHandler } from "express";
import { createScanner } from "jsonc-parser";
import { ApiError } from "../errors.ts";

const MOST_BYTES = "100kb";

const repeatedKeys = new WeakMap<object, string>();

/** To be installed in this order. */
export const readBody: readonly RequestHandler[] = [
  (request, _response, next) => {
    if (request.method === "GET" && hasBody(request)) {
      throw new ApiError("INVALID_INPUT", "A GET has no body. Say it in the query.");
    }
    next();
  },
  express.json({
    limit: MOST_BYTES,
    verify: (request, _response, bytes) => {
      const key = repeatedKey(bytes.toString());
      if (key !== undefined) repeatedKeys.set(request, key);
    },
  }),
  (request, _response, next) => {
    const key = repeatedKeys.get(request);
    if (key !== undefined) {
      throw new ApiError("INVALID_INPUT", `${key} is given twice.`, { fields: [key] });
    }
    next();
  },
];

function hasBody({ headers }: Request): boolean {
  return Number(headers["content-length"] ?? 0) > 0 || headers["transfer-encoding"] !== undefined;
}

/** The first key that one object has twice. Without recursion, for JSON may be deep. */
export function repeatedKey(json: string): string | undefined {
  const scanner = createScanner(json, true);
  const objects: Set<string>[] = [];
  let text: string | undefined;
  for (let token = scanner.scan(); token !== SyntaxKind.EOF; token = scanner.scan()) {
    if (token === SyntaxKind.OpenBraceToken) objects.push(new Set());
    if (token === SyntaxKind.CloseBraceToken) objects.pop();
    if (token === SyntaxKind.ColonToken && text !== undefined) {
      const keys = objects.at(-1);
      if (keys?.has(text)) return text.slice(0, 100);
      keys?.add(text);
    }
    text = token === SyntaxKind.StringLiteral ? scanner.getTokenValue() : undefined;
  }
  return undefined;
}

/** As jsonc-parser numbers them; its own enum is gone when TypeScript is. */
const SyntaxKind = {
  OpenBraceToken: 1,
  CloseBraceToken: 2,
  ColonToken: 6,
  StringLiteral: 10,
  EOF: 17,
} as const;
