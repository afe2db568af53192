#!/usr/bin/env node
/**
 * `staybase-trust <folder> <module>...`: writes the GraphQL documents that modules export into the
 * folder that TRUSTED_DOCUMENTS of a server names. What is there stays: pages that people opened
 * before a release still ask for it.
 */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DocumentNode } from "@0no-co/graphql.web";
import { hashOf, textOf } from "./operations.ts";

const [folder, ...modules] = process.argv.slice(2);

/** What a module exports and can be asked; a fragment is part of others. */
async function documentsOf(module: string): Promise<DocumentNode[]> {
  const exported: object = await import(pathToFileURL(resolve(module)).href);
  return Object.values(exported).filter(
    (value) =>
      Object(value).kind === "Document" &&
      (value as DocumentNode).definitions.some(({ kind }) => kind === "OperationDefinition"),
  );
}

if (folder === undefined || modules.length === 0) {
  console.error("Say where to, and of what: staybase-trust <folder> <module>...");
  process.exit(1);
}
const texts = (await Promise.all(modules.map(documentsOf))).flat().map(textOf);
if (texts.length === 0) {
  console.error(`${modules.join(", ")} exports no document that can be asked.`);
  process.exit(1);
}
await mkdir(folder, { recursive: true });
const before = new Set(await readdir(folder));
for (const text of texts) await writeFile(join(folder, `${await hashOf(text)}.graphql`), text);
const made = (await readdir(folder)).filter((name) => !before.has(name)).length;
console.log(`${folder}: ${before.size + made} documents, ${made} of them new.`);
