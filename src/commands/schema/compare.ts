/**
 * `npm run schema:compare`: says what breaks clients of the last release, in GraphQL and in REST,
 * and fails unless each is meant. What was released is in docs/released/, so that it needs neither
 * tags nor the network. `-- --release` makes what is there now the release that others depend on.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readOpenapi } from "../../http/openapi.ts";
import { textIn } from "../../values.ts";
import { errorMessage } from "../shared/errors.ts";
import {
  type Decided,
  readDecided,
  undecided,
  versionFault,
  writeDecided,
} from "./compare/meant.ts";
import { compareOpenapi } from "./compare/openapi.ts";
import { compareSdl } from "./compare/sdl.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** What clients build on. */
export interface Api {
  readonly sdl: string;
  readonly openapi: unknown;
}

/** All that breaks clients, one sentence each. */
export async function compareApis(before: Api, after: Api): Promise<string[]> {
  const graphql = await compareSdl(before.sdl, after.sdl);
  const rest = compareOpenapi(before.openapi, after.openapi);
  return [...graphql.map((each) => `GraphQL: ${each}`), ...rest.map((each) => `REST: ${each}`)];
}

export async function readApi(): Promise<Api> {
  const sdl = await readFile(join(ROOT, "src/graphql/schema.graphql"), "utf8");
  return { sdl, openapi: await readOpenapi() };
}

/** The last release, in its folder. */
export async function readReleased(folder: string): Promise<Api & { readonly decided: Decided }> {
  const read = (name: string) => readFile(join(folder, name), "utf8");
  return {
    sdl: await read("schema.graphql"),
    openapi: JSON.parse(await read("openapi.json")),
    decided: readDecided(await read("meant.yaml")),
  };
}

export async function writeReleased(folder: string, api: Api, release: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "schema.graphql"), api.sdl);
  await writeFile(join(folder, "openapi.json"), `${JSON.stringify(api.openapi, null, 1)}\n`);
  await writeFile(join(folder, "meant.yaml"), writeDecided({ release, meant: [] }));
}

const RELEASED = join(ROOT, "docs/released");

/** @throws with the list of what breaks clients and is not meant */
async function compare(now: Api): Promise<Decided> {
  if (!existsSync(RELEASED)) {
    throw new Error("docs/released/ is missing: check it out, for it says what was released.");
  }
  const released = await readReleased(RELEASED);
  const { decided } = released;
  const faults = undecided(await compareApis(released, now), decided);
  if (faults.length === 0) return decided;
  throw new Error(
    `${faults.join("\n")}\n\nTake back what breaks clients of ${decided.release}. Where it is ` +
      "meant, list it in docs/released/meant.yaml with the reason:\n" +
      '  - change: "REST: GET /me is gone"\n    reason: Its sunset was on 2027-05-31.',
  );
}

async function release(now: Api): Promise<void> {
  const manifest: unknown = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const version = textIn(manifest, "version") ?? "";
  // The first release breaks nobody.
  const decided = existsSync(RELEASED) ? await compare(now) : undefined;
  const fault = decided && versionFault(version, decided);
  if (fault !== undefined) throw new Error(fault);
  await writeReleased(RELEASED, now, version);
  console.log(`docs/released/ is ${version}. What it breaks, for CHANGELOG.md:`);
  for (const { change, reason } of decided?.meant ?? []) console.log(`- ${change}. ${reason}`);
}

async function check(now: Api): Promise<void> {
  const { release, meant } = await compare(now);
  console.log(`Clients of ${release} go on; ${meant.length} changes that break them are meant.`);
}

if (import.meta.main) {
  const run = process.argv.includes("--release") ? release : check;
  readApi()
    .then(run)
    .catch((error: unknown) => {
      console.error(errorMessage(error));
      process.exitCode = 1;
    });
}
