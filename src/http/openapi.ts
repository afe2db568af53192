/** Finds and reads the OpenAPI document, with its files put together to one. */
import { fileURLToPath } from "node:url";
import { bundle } from "@apidevtools/json-schema-ref-parser";
import type { OpenAPIV3 } from "express-openapi-validator/dist/framework/types.js";

export const OPENAPI_FILE = fileURLToPath(new URL("../../openapi/openapi.yaml", import.meta.url));

/** The whole document as one object. */
export async function readOpenapi(): Promise<OpenAPIV3.DocumentV3_1> {
  return (await bundle(OPENAPI_FILE)) as unknown as OpenAPIV3.DocumentV3_1;
}
