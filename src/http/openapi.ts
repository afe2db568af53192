/** Finds and reads the OpenAPI document: put together to one, or its operations alone. */
import { fileURLToPath } from "node:url";
import { bundle } from "@apidevtools/json-schema-ref-parser";
import type { OpenAPIV3 } from "express-openapi-validator/dist/framework/types.js";
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

/** All operations, with their parameters in place. */
export async function readOperations(): Promise<Documented[]> {
  const document = await readOpenapi();
  return Object.entries(memberOf(document, "paths") ?? {}).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, operation]) => {
      const operationId = textIn(operation, "operationId");
      if (!isRecord(operation) || operationId === undefined) {
        throw new Error(`${method.toUpperCase()} ${path} of the OpenAPI document is no operation.`);
      }
      const listed = Array.isArray(operation.parameters) ? operation.parameters : [];
      const parameters = listed.map((each) => Object(inPlace(document, each)));
      return { path, method, operationId, operation: { ...operation, parameters } };
    }),
  );
}

/** A part of the document, with what it refers to in place of the references. */
export function inPlace(document: unknown, part: unknown): unknown {
  if (Array.isArray(part)) return part.map((each) => inPlace(document, each));
  if (!isRecord(part)) return part;
  const pointer = textIn(part, "$ref");
  if (pointer !== undefined) return inPlace(document, pointedAt(document, pointer));
  return Object.fromEntries(
    Object.entries(part).map(([name, member]) => [name, inPlace(document, member)]),
  );
}

/** What a JSON pointer of the document leads to (RFC 6901). */
function pointedAt(document: unknown, pointer: string): unknown {
  return pointer
    .split("/")
    .slice(1)
    .map((name) => decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce(memberOf, document);
}
