/**
 * The guides are true: every block of code in them runs, word for word, on a marketplace with the
 * demo in it, and answers what the guide says that it answers.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { DIAGRAMS } from "../../src/commands/shared/diagrams.ts";
import { DEVELOPMENT_JWT_KEY, SIMULATOR_STRIPE_KEYS, variables } from "../../src/config/index.ts";
import { ERRORS } from "../../src/errors.ts";
import { GUIDES_FOLDER, htmlOf, partsOf, type Step } from "../../src/http/guides.ts";
import { testClock } from "../helpers/clock.ts";
import { testDatabase } from "../helpers/database.ts";
import { COMPILED, type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { ROOT } from "../tidy/repository.ts";
import {
  blockIn,
  checkAnswer,
  type Environment,
  moduleOf,
  runSteps,
  stepsOf,
  unrunnable,
} from "./runner.ts";

const run = promisify(execFile);
const NAMES = (await readdir(GUIDES_FOLDER)).map((file) => file.replace(/\.md$/, ""));

const database = testDatabase({ demo: true });
let marketplace: Marketplace;
let environment: Environment;
/** Where the TypeScript of the guides is. */
let modules: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  const [server = ""] = marketplace.servers;
  environment = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    HOME: process.env.HOME ?? "",
    ...COMPILED,
    NODE_ENV: "test",
    DATABASE_URL: database.url,
    ROOT_DATABASE_URL: database.rootUrl,
    JWT_KEYS: DEVELOPMENT_JWT_KEY,
    STRIPE_SECRET_KEY: SIMULATOR_STRIPE_KEYS.secretKey,
    STRIPE_PUBLISHABLE_KEY: SIMULATOR_STRIPE_KEYS.publishableKey,
    STRIPE_WEBHOOK_SECRET: SIMULATOR_STRIPE_KEYS.webhookSecret,
    STRIPE_API_URL: marketplace.stripe.url,
    STAYBASE_URL: server,
    STRIPE_URL: marketplace.stripe.url,
  };
}, 240_000);

afterAll(async () => {
  await marketplace?.dispose();
  if (modules !== undefined) await rm(modules, { recursive: true, force: true });
});

const guide = async (name: string) =>
  stepsOf(await readFile(join(GUIDES_FOLDER, `${name}.md`), "utf8"));

/** Words in capitals are codes of errors, or variables of the environment, ours or the guide's. */
function unknownWords(text: string): string[] {
  const known = { ...ERRORS, ...variables, ...environment };
  const words = [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, word = ""]) => word);
  return words.filter((word) => !(word in known));
}

const inTypeScript = (steps: readonly Step[]): boolean =>
  steps.some((step) => blockIn(step, "ts") !== undefined);

/** Writes modules into a folder and checks their types, all at once: the compiler starts slowly. */
async function writeModules(modules: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "staybase-guide-"));
  const config = {
    extends: join(ROOT, "clients/typescript/tsconfig.json"),
    compilerOptions: { typeRoots: [join(ROOT, "node_modules/@types")] },
    include: Object.keys(modules).map((name) => join(dir, `${name}.mts`)),
  };
  await writeFile(join(dir, "tsconfig.json"), JSON.stringify(config));
  for (const [name, text] of Object.entries(modules)) {
    await writeFile(join(dir, `${name}.mts`), text);
  }
  await orSay(run(join(ROOT, "node_modules/.bin/tsc"), ["-p", dir])).catch(async (error) => {
    await rm(dir, { recursive: true, force: true });
    throw error;
  });
  return dir;
}

async function runModule(file: string): Promise<string> {
  const options = { env: environment, cwd: ROOT, timeout: 200_000 };
  return (await orSay(run(process.execPath, [file], options))).stdout;
}

/** What a command printed belongs to what went wrong. */
function orSay<T>(running: Promise<T>): Promise<T> {
  return running.catch((error: unknown) => {
    throw new Error(`${String(error)}\n${Object(error).stdout}`, { cause: error });
  });
}

test("the TypeScript of the guides has the types of the client", async () => {
  const guides = await Promise.all(NAMES.map(async (name) => [name, await guide(name)] as const));
  const shown = guides.filter(([, steps]) => inTypeScript(steps));
  expect(shown.length).toBeGreaterThan(3);
  modules = await writeModules(
    Object.fromEntries(shown.map(([name, steps]) => [name, moduleOf(steps)])),
  );
}, 240_000);

describe.each(NAMES)("the guide %s", (name) => {
  beforeAll(() => testClock(database, marketplace.stripe).reset());

  test("has no block that nothing runs", async () => {
    const steps = await guide(name);
    expect(unrunnable(steps)).toEqual([]);
    expect(steps.length).toBeGreaterThan(2);
  });

  test("names codes that there are", async () => {
    const text = await readFile(join(GUIDES_FOLDER, `${name}.md`), "utf8");
    expect(unknownWords(text)).toEqual([]);
  });

  test("runs in a shell", async () => {
    await runSteps(await guide(name), "sh", environment);
  }, 240_000);

  test("runs by GraphQL where it shows it", async () => {
    const steps = await guide(name);
    if (steps.some((step) => blockIn(step, "graphql") !== undefined)) {
      await runSteps(steps, "graphql", environment);
    }
  }, 240_000);

  test("runs in TypeScript where it shows it", async () => {
    if (inTypeScript(await guide(name))) await runModule(join(modules, `${name}.mts`));
  }, 240_000);
});

describe("the pages of the guides", () => {
  const ask = (path: string) => fetch(`${environment.STAYBASE_URL}${path}`);

  test("are all listed, and each link leads to a page", async () => {
    const pages = ["/docs/guides", ...NAMES.map((name) => `/docs/guides/${name}`)];
    const linked = new Set<string>();
    for (const path of pages) {
      const answer = await ask(path);
      expect([path, answer.status]).toEqual([path, 200]);
      const html = await answer.text();
      for (const [, href = ""] of html.matchAll(/href="([^"]+)"/g)) linked.add(href);
      expect(html).not.toMatch(/<script|\b(?:src|srcset)=|url\(/);
    }
    const own = [...linked].filter((href) => href.startsWith("/"));
    expect(own).toEqual(expect.arrayContaining(pages));
    for (const path of own.filter((path) => path !== "/dev/mail")) {
      expect([path, (await ask(path)).status]).toEqual([path, 200]);
    }
    expect((await ask("/docs/guides/nothing")).status).toBe(404);
  });

  test("come with diagrams, which a browser shows", async () => {
    const html = await (await ask("/docs/diagrams")).text();
    const images = [...html.matchAll(/<img src="([^"]+)" alt="[^"]+">/g)].map(([, src]) => src);
    expect(images.length).toBe(DIAGRAMS.length);
    for (const src of images) {
      const answer = await ask(src ?? "");
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/svg+xml"]);
      expect(await answer.text()).toMatch(/^<svg [\s\S]+<\/svg>\s*$/);
    }
  });

  test("show code as it is, and no HTML of the Markdown", async () => {
    const html = await (await ask("/docs/guides/stay")).text();
    expect(html).toContain("&#60;&#60;&#60; &#34;$payment&#34;");
    expect(html).toContain("<summary>TypeScript</summary>");
    const [part] = partsOf("A <b>word</b> [here](../there.md)\n");
    expect(part === undefined ? "" : htmlOf(part, "")).toBe(
      "<p>A &#60;b&#62;word&#60;/b&#62; here</p>\n",
    );
  });
});

describe("a guide that is not true is found out", () => {
  const fence = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n`;
  const health = fence("sh", 'curl -s "$STAYBASE_URL/v1/nothing"');

  test.each<[string, string]>([
    ["a language that nothing runs", fence("python", "print()")],
    ["a block without a language", fence("", "curl")],
    ["the same language twice in a step", fence("sh", "true") + fence("sh", "false")],
    ["an answer to nothing", fence("json", "{}")],
    ["a language behind the answer", fence("json", "{}") + fence("sh", "true")],
  ])("%s", (_what, text) => expect(unrunnable(stepsOf(text))).not.toEqual([]));

  test.each<[string, string, "sh" | "graphql"]>([
    ["a command that fails", fence("sh", "false | true"), "sh"],
    ["a variable that nobody gave", fence("sh", "echo $nobody"), "sh"],
    ["a member that is not there", fence("sh", "id=undefined"), "sh"],
    ["a refusal that is not shown", health, "sh"],
    ["another answer than the one shown", health + fence("json", '{"code": "GONE"}'), "sh"],
    ["a field that is not there", fence("graphql", "{ nothing }"), "graphql"],
    ["a variable without a value", fence("graphql", "query ($a: UUID!) { x }"), "graphql"],
  ])("%s", async (_what, text, language) => {
    await expect(runSteps(stepsOf(text), language, environment)).rejects.toThrow(/step failed/);
  });

  test("and one that is true is not", async () => {
    const shown = fence("json", '{"code": "NOT_FOUND", "status": 404}');
    const query = fence("graphql", "{ currencies { code } }");
    await runSteps(stepsOf(health + shown), "sh", environment);
    await runSteps(stepsOf(query), "graphql", environment);
  });

  test("a code that there is not", () => {
    expect(unknownWords("`NOT_FOUND`, or `JWT_KEYS`, or `NIGHTS_LOST`")).toEqual(["NIGHTS_LOST"]);
  });

  test.each<[string, string]>([
    ["a type", 'import { newKey } from "@staybase/client";\nconst key: number = newKey();\nkey;'],
    ["an error", 'throw new Error("no");'],
  ])("%s in TypeScript", async (_what, text) => {
    const running = writeModules({ bad: moduleOf(stepsOf(fence("ts", text))) }).then((dir) =>
      runModule(join(dir, "bad.mts")).finally(() => rm(dir, { recursive: true, force: true })),
    );
    await expect(running).rejects.toThrow();
  });

  test("an answer with another word, or without a member", () => {
    const answer = { status: "confirmed", amount: "25000", items: [{ id: "a1" }] };
    checkAnswer(answer, '{"status":"confirmed","amount":"1","items":[{"id":"b2"}]}');
    for (const shown of ['{"status":"expired"}', '{"amount":1}', '{"total":"1"}', '{"items":[1]}'])
      expect(() => checkAnswer(answer, shown)).toThrow();
  });
});
