/**
 * Trusted documents: what a server may be told to take and nothing else. Each is a file of the
 * folder TRUSTED_DOCUMENTS, named by the SHA-256 of its text; a client sends the name alone.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ApiError } from "../errors.ts";
import { memberOf, textIn } from "../values.ts";

export type TrustedDocuments = ReadonlyMap<string, string>;

const SUFFIX = ".graphql";

/**
 * Reads all documents of a folder.
 * @throws where there is none, or one is named otherwise than by its text
 */
export function readTrustedDocuments(folder: string): TrustedDocuments {
  const files = filesOf(folder).filter((file) => file.endsWith(SUFFIX));
  if (files.length === 0) {
    throw new Error(`TRUSTED_DOCUMENTS: ${folder} has no document, so nothing could be asked.`);
  }
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(folder, file), "utf8");
      const hash = hashOf(text);
      if (file === hash + SUFFIX) return [hash, text];
      throw new Error(`TRUSTED_DOCUMENTS: ${join(folder, file)} must be named ${hash}${SUFFIX}.`);
    }),
  );
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    const message = `TRUSTED_DOCUMENTS: ${folder} cannot be read. Make the folder, or unset it.`;
    throw new Error(message, { cause });
  }
}

/** The name of a document. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * The text of the document that a request names: by `documentId`, as GraphQL over HTTP has it, or
 * as Apollo's clients do.
 * @throws {ApiError} DOCUMENT_UNKNOWN
 */
export function trustedText(documents: TrustedDocuments, request: unknown): string {
  const named =
    textIn(request, "documentId") ??
    textIn(memberOf(memberOf(request, "extensions"), "persistedQuery"), "sha256Hash");
  const text = named === undefined ? undefined : documents.get(named.replace(/^sha256:/, ""));
  if (text === undefined) throw new ApiError("DOCUMENT_UNKNOWN");
  return text;
}
