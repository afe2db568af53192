/**
 * Runs the splinter rules of the Postgres language server on a live database, with the rules that
 * postgres-language-server.jsonc leaves on. Which database that is, is up to the caller.
 */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { databaseName } from "./settings.ts";

const CONFIG_FILE = fileURLToPath(
  new URL("../../../postgres-language-server.jsonc", import.meta.url),
);
const TIMEOUT_MS = 60_000;

/** Whether nothing was found, and what the linter printed. */
export interface DblintResult {
  readonly clean: boolean;
  readonly output: string;
}

/** Lints the database behind `url`; any finding, of whatever level, makes it unclean. */
export function dblint(url: string): Promise<DblintResult> {
  const parsed = new URL(url);
  // The URL has a password, which does not belong on a command line.
  const env = {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    PGHOST: parsed.hostname,
    PGPORT: parsed.port === "" ? "5432" : parsed.port,
    PGUSER: decodeURIComponent(parsed.username),
    PGPASSWORD: decodeURIComponent(parsed.password),
    PGDATABASE: databaseName(url),
  };
  const options = ["--colors=off", `--config-path=${CONFIG_FILE}`, "--max-diagnostics=200"];
  const args = [program(), "dblint", "--error-on-warnings", ...options];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim();
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve({ clean: error === null && !/^splinter\//m.test(output), output });
    });
  });
}

/** The launcher of the package, which picks the binary for this machine. */
function program(): string {
  const manifest = createRequire(import.meta.url).resolve(
    "@postgres-language-server/cli/package.json",
  );
  return join(dirname(manifest), "bin", "postgres-language-server");
}
