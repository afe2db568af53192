/** A folder of migrations that a test makes up, with the hashes that they must have. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { calculateHash } from "graphile-migrate/dist/hash.js";

/** The text of a committed migration; `previous` is the hash of the one before it, or `-`. */
export function migrationText(body: string, previous: string): { hash: string; text: string } {
  const hash = calculateHash(body, previous === "-" ? null : previous);
  return { hash, text: `--! Previous: ${previous}\n--! Hash: ${hash}\n\n${body}\n` };
}

/** Writes `committed/` under the folder: each name with its SQL, in order. */
export async function writeMigrations(
  folder: string,
  bodies: Readonly<Record<string, string>>,
): Promise<void> {
  await mkdir(join(folder, "committed"), { recursive: true });
  let previous = "-";
  for (const [name, body] of Object.entries(bodies)) {
    const { hash, text } = migrationText(body, previous);
    await writeFile(join(folder, "committed", name), text);
    previous = hash;
  }
}
