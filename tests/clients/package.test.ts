/** The client as npm packs it: a program that installs it has types and runs, with TypeScript 5. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TSC = join(ROOT, "clients/typescript/node_modules/typescript/bin/tsc");
const PACKAGES = ["openapi-fetch", "openapi-typescript-helpers", "@0no-co/graphql.web"];
/** What only who writes GraphQL needs. */
const TYPED = ["gql.tada", "@gql.tada/internal"];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "staybase-package-"));
  const client = join(folder, "node_modules/@staybase/client");
  await mkdir(client, { recursive: true });
  const pack = ["pack", "-w", "clients/typescript", "--silent", "--pack-destination", folder];
  const { stdout } = await run("npm", pack, { cwd: ROOT });
  const archive = join(folder, stdout.trim().split("\n").at(-1) ?? "");
  await run("tar", ["xzf", archive, "-C", client, "--strip-components=1"]);
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  await link(PACKAGES);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function link(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const place = join(folder, "node_modules", name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(ROOT, "node_modules", name), place);
  }
}

const OPTIONS = {
  target: "es2022",
  module: "nodenext",
  lib: ["es2022", "dom", "dom.iterable"],
  types: [],
  strict: true,
  skipLibCheck: true,
};

/** What the compiler says of a program; nothing where it is right. Its JavaScript is beside it. */
async function compile(name: string, text: string): Promise<string> {
  await writeFile(join(folder, `${name}.ts`), text);
  const config = { compilerOptions: OPTIONS, files: [`${name}.ts`] };
  await writeFile(join(folder, `${name}.json`), JSON.stringify(config));
  return run(process.execPath, [TSC, "-p", join(folder, `${name}.json`)]).then(
    ({ stdout }) => stdout,
    ({ stdout }) => String(stdout),
  );
}

const REST = `
import { createStaybase, StaybaseError, unwrap } from "@staybase/client";
const { rest } = createStaybase({ url: "http://127.0.0.1:1", retries: 0 });
export const ask = async () => (await unwrap(rest.GET("/currencies"))).items[0]?.code.length;
console.log(typeof ask, new StaybaseError(503).status);
`;

const GRAPHQL = `
import { createStaybase } from "@staybase/client";
import { gql } from "@staybase/client/graphql";
const { graphql } = createStaybase({ url: "http://127.0.0.1:1", retries: 0 });
export const List = gql("query List($first: Int) { currencies(first: $first) { code chargeStep } }");
export const ask = async () => (await graphql(List, { first: 1 })).currencies?.[0]?.code.length;
console.log(typeof ask, List.kind);
`;

test("REST needs no package of GraphQL", async () => {
  expect(await compile("rest", REST)).toBe("");
  const { stdout } = await run(process.execPath, [join(folder, "rest.js")]);
  expect(stdout).toBe("function 503\n");
  expect(await compile("wrongRest", REST.replace("code.length", "code.size"))).toMatch(/TS2339/);
});

test("GraphQL has types of its documents' texts", async () => {
  await link(TYPED);
  expect(await compile("graphql", GRAPHQL)).toBe("");
  const { stdout } = await run(process.execPath, [join(folder, "graphql.js")]);
  expect(stdout).toBe("function Document\n");
  const trust = join(folder, "node_modules/@staybase/client/dist/trust.js");
  const trusted = await run(process.execPath, [trust, join(folder, "trusted"), "graphql.js"], {
    cwd: folder,
  });
  expect(trusted.stdout).toMatch(/: 1 documents, 1 of them new/);
  const wrong = GRAPHQL.replace("{ first: 1 }", '{ first: "one" }').replace("code.", "step.");
  const said = await compile("wrongGraphql", wrong);
  expect(said).toMatch(/'string' is not assignable to type 'number'/);
  expect(said).toMatch(/'step' does not exist/);
});
