/**
 * Applies tags.json5, the one page of exposure decisions. A line that names nothing in the database
 * is a mistake: PostGraphile warns of it, and a test of the schema fails.
 */
import { readFileSync } from "node:fs";
import JSON5 from "json5";
import type {} from "postgraphile";
import { jsonPgSmartTags } from "postgraphile/utils";

const FILE = new URL("tags.json5", import.meta.url);

/** The plugin that gives tables, columns, keys and functions their smart tags. */
export function createTagsPlugin(): GraphileConfig.Plugin {
  return jsonPgSmartTags(JSON5.parse(readFileSync(FILE, "utf8")));
}
