/** Changes of sources, made as a process loads them: for bugs that are not in the database. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/** One place of a file, and what stands there instead. */
export interface SourceEdit {
  /** From the root of the project. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const VARIABLE = "BROKEN_SOURCES";

/** Arguments and variables with which node loads the changed sources. */
export const changing = (
  edits: readonly SourceEdit[],
): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } =>
  edits.length === 0
    ? { args: [], env: {} }
    : { args: ["--import", import.meta.url], env: { [VARIABLE]: JSON.stringify(edits) } };

const urlOf = ({ file }: SourceEdit): string => new URL(`../../${file}`, import.meta.url).href;

/**
 * The text of the file of an edit, changed.
 * @throws {Error} where the place is not there any more, or there twice
 */
export function changed(edit: SourceEdit, text = readFileSync(fileURLToPath(urlOf(edit)), "utf8")) {
  const parts = text.split(edit.from);
  if (parts.length !== 2) {
    throw new Error(`${edit.file} has ${parts.length - 1} places "${edit.from}" to break.`);
  }
  return parts.join(edit.to);
}

/** What this file does where it is imported before all others. */
function install(edits: readonly SourceEdit[]): void {
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      const ours = edits.filter((edit) => urlOf(edit) === url);
      if (ours.length === 0) return loaded;
      const source = ours.reduce((text, edit) => changed(edit, text), String(loaded.source));
      return { ...loaded, source };
    },
  });
}

const ordered = process.env[VARIABLE];
if (ordered !== undefined) install(JSON.parse(ordered) as SourceEdit[]);
