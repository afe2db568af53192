/** Finds and reads the OpenAPI document: put together to one, or its operations alone. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "@apidevtools/json-schema-ref-parser";
import type { OpenAPIV3 } from "express-openapi-validator/dist/framework/types.js";
import { parse } from "yaml";
import { isRecord, memberOf, textIn } from "../values.ts";

export const OPENAPI_FILE = fileURLToPath(new URL("../../openapi/openapi.yaml", import.meta.url));

let whole: Promise<unknown> | undefined;

/** The whole document as one object, read once. */
export async function readOpenapi(): Promise<OpenAPIV3.DocumentV3_1> {
  whole ??= bundle(OPENAPI_FILE);
  return (await whole) as OpenAPIV3.DocumentV3_1;
}

/** One operation, with where it stands. */
export interface Documented {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly operation: DocumentedOperation;
}

/** What an operation's file says; its parameters are all in place. */
export interface DocumentedOperation {
  /** The stored document that it is, such as `documents/getListing.graphql`. */
  readonly "x-graphql"?: string;
  /** The field of GraphQL that is the same, of one that is coded. */
  readonly "x-graphql-field"?: string;
  readonly security?: readonly unknown[];
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Readonly<Record<string, unknown>>[];
  readonly requestBody?: unknown;
  readonly responses?: Readonly<Record<string, unknown>>;
}

let all: Promise<Documented[]> | undefined;

/** All operations, read from their files, once; what they answer is not looked at. */
export function readOperations(): Promise<Documented[]> {
  all ??= readAll();
  return all;
}

async function readAll(): Promise<Documented[]> {
  const folder = dirname(OPENAPI_FILE);
  const files = new Map<string, Promise<unknown>>();
  // Once each, for most operations share their parameters.
  const read = (path: string): Promise<unknown> => {
    const known = files.get(path);
    if (known !== undefined) return known;
    const reading = readFile(path, "utf8").then((text): unknown => parse(text));
    files.set(path, reading);
    return reading;
  };
  const document = await read(OPENAPI_FILE);
  const found = Object.entries(memberOf(document, "paths") ?? {}).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, operation]) => {
      return { path, method, file: textIn(operation, "$ref") ?? "" };
    }),
  );
  return Promise.all(
    found.map(async ({ path, method, file }) => {
      const operation = await read(join(folder, file));
      const operationId = textIn(operation, "operationId");
      if (!isRecord(operation) || operationId === undefined) {
        throw new Error(`openapi/${file} is no operation.`);
      }
      const listed = Array.isArray(operation.parameters) ? operation.parameters : [];
      const parameters = await Promise.all(
        listed.map(async (parameter: unknown) => {
          const reference = textIn(parameter, "$ref");
          const found = reference && (await read(join(folder, dirname(file), reference)));
          return isRecord(found) ? found : Object(parameter);
        }),
      );
      return { path, method, operationId, operation: { ...operation, parameters } };
    }),
  );
}
