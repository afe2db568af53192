/** The table of all REST operations that `openapi/README.md` shows, and how each is answered. */
import type { Documented } from "../../http/openapi.ts";

const [BEGIN, END] = ["<!-- operations: npm run schema:export -->", "<!-- /operations -->"];

/**
 * The page with the table as it is now.
 * @throws where the page has no place for it
 */
export function withOperations(page: string, documented: readonly Documented[]): string {
  const [before, rest = ""] = page.split(BEGIN);
  const [, after] = rest.split(END);
  if (before === undefined || after === undefined) {
    throw new Error(`openapi/README.md has no place between ${BEGIN} and ${END}.`);
  }
  const rows = documented.map(({ method, path, operationId, operation }) => {
    const stored = operation["x-graphql"];
    const by = stored === undefined ? `\`src/rest/${operationId}.ts\`` : `\`${stored}\``;
    const request = `\`${method.toUpperCase()} /v1${path}\``;
    return `| ${operation.tags?.[0]} | ${request} | ${operation.summary} | ${by} |`;
  });
  const table = ["| | request | what | answered by |", "| --- | --- | --- | --- |", ...rows];
  return `${before}${BEGIN}\n\n${table.join("\n")}\n\n${END}${after}`;
}
