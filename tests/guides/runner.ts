/**
 * Runs a guide as a reader would: the blocks of one language in order, and where a step is not shown
 * in it, the shell's. What the shell keeps in variables, GraphQL has as variables, too.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "graphql";
import { partsOf, type Step } from "../../src/http/guides.ts";
import { isRecord, memberOf } from "../../src/values.ts";
import { GRAPHQL } from "../helpers/client.ts";
import { ROOT } from "../tidy/repository.ts";

const run = promisify(execFile);

/** The languages in which a step is shown; `json` beside them is what it answers. */
export const LANGUAGES = ["sh", "ts", "graphql"] as const;
export type Language = (typeof LANGUAGES)[number];

export type Environment = Readonly<Record<string, string>>;

/** What a step answered, and what it keeps for those after it. */
interface Outcome {
  readonly answer: unknown;
  readonly kept: Environment;
}

export const stepsOf = (markdown: string): Step[] =>
  partsOf(markdown).flatMap((part) => ("blocks" in part ? [part] : []));

export function blockIn({ blocks }: Step, language: string): string | undefined {
  return blocks.find((block) => block.language === language)?.text;
}

/** Blocks that nothing runs, or that would be hidden behind another one. */
export function unrunnable(steps: readonly Step[]): string[] {
  return steps.flatMap(({ blocks }) => {
    const names = blocks.map(({ language }) => language);
    const last = names.lastIndexOf("json");
    const isMisplaced = last !== -1 && last < names.length - 1;
    const isAlone = names.length > 0 && names.every((name) => name === "json");
    return blocks.flatMap(({ language, text }, index) => {
      const known = language === "json" || LANGUAGES.some((each) => each === language);
      const isTwin = names.indexOf(language) !== index;
      return known && !isTwin && !isMisplaced && !isAlone ? [] : [`${language}: ${text}`];
    });
  });
}

/** Runs the steps in the shell and by GraphQL. @throws where one fails, with its text */
export async function runSteps(
  steps: readonly Step[],
  language: "sh" | "graphql",
  environment: Environment,
): Promise<void> {
  let kept = environment;
  for (const step of steps) {
    const [own, shell] = [blockIn(step, language), blockIn(step, "sh")];
    const text = own ?? shell;
    if (text === undefined) continue;
    try {
      const outcome =
        language === "graphql" && own !== undefined
          ? await ask(own, kept)
          : await inShell(text, kept);
      kept = outcome.kept;
      // The answer that is shown is that of the first language.
      const expected = blockIn(step, "json");
      const isFirst = step.blocks[0]?.text === text;
      checkAnswer(outcome.answer, isFirst ? expected : undefined);
    } catch (error) {
      throw new Error(`This step failed:\n${text}\n\n${String(error)}`, { cause: error });
    }
  }
}

const SHELL_MS = 120_000;

/** A shell of its own for each block, which begins with what the one before it had. */
async function inShell(text: string, environment: Environment): Promise<Outcome> {
  const dir = await mkdtemp(join(tmpdir(), "staybase-guide-"));
  try {
    const file = join(dir, "environment");
    const script = `${text}\nenv -0 > ${file}`;
    const args = ["--norc", "-e", "-u", "-o", "pipefail", "-a", "-c", script];
    const options = { env: environment, cwd: ROOT, timeout: SHELL_MS };
    const { stdout, stderr } = await run("bash", args, options).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${String(memberOf(error, "stdout"))}`);
    });
    const pairs = (await readFile(file, "utf8")).split("\0").flatMap((line) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    });
    const empty = pairs.find(([, value]) => value === "undefined");
    if (empty) throw new Error(`$${empty[0]} is undefined. It printed:\n${stdout}${stderr}`);
    return { answer: lastJson(stdout) ?? lastJson(stderr), kept: Object.fromEntries(pairs) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The last document that begins a line. */
function lastJson(printed: string): unknown {
  const text = printed.slice(printed.lastIndexOf("\n{") + 1).trim();
  return text.startsWith("{") ? JSON.parse(text) : undefined;
}

async function ask(query: string, kept: Environment): Promise<Outcome> {
  const names = parse(query).definitions.flatMap((definition) => {
    if (definition.kind !== "OperationDefinition") return [];
    return (definition.variableDefinitions ?? []).map(({ variable }) => variable.name.value);
  });
  const missing = names.filter((name) => kept[name] === undefined);
  if (missing.length > 0) throw new Error(`No step before gives ${missing.join(", ")}.`);
  const response = await fetch(`${kept.STAYBASE_URL}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: GRAPHQL,
      ...(kept.token && { authorization: `Bearer ${kept.token}` }),
    },
    body: JSON.stringify({
      query,
      variables: Object.fromEntries(names.map((name) => [name, kept[name]])),
    }),
  });
  const answer: unknown = await response.json();
  return { answer, kept: { ...kept, ...Object.fromEntries(idsIn(answer).reverse()) } };
}

/** The id of a `quote` is `quoteId`. */
function idsIn(value: unknown, key = ""): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((item) => idsIn(item, key));
  if (!isRecord(value)) return [];
  const own: [string, string][] = typeof value.id === "string" ? [[`${key}Id`, value.id]] : [];
  return [...own, ...Object.entries(value).flatMap(([name, inner]) => idsIn(inner, name))];
}

/** @throws where an answer is a refusal that is not shown, or not like the one that is shown */
export function checkAnswer(answer: unknown, shown: string | undefined): void {
  if (shown === undefined) {
    const isRefusal = memberOf(answer, "errors") ?? memberOf(answer, "code");
    if (isRefusal !== undefined) throw new Error(`It is refused: ${JSON.stringify(answer)}`);
    return;
  }
  const faults = unlike(answer, JSON.parse(shown), "the answer");
  if (faults.length > 0) throw new Error(`${faults.join("\n")}\n${JSON.stringify(answer)}`);
}

/**
 * What an answer lacks of what is shown, which may leave out members. Numbers, and texts with
 * digits, are other ones each time; words are the same.
 */
function unlike(answer: unknown, shown: unknown, at: string): string[] {
  if (Array.isArray(shown)) {
    if (!Array.isArray(answer)) return [`${at} is no list.`];
    return shown.flatMap((item, index) => unlike(answer[index], item, `${at}[${index}]`));
  }
  if (isRecord(shown)) {
    return Object.entries(shown).flatMap(([name, inner]) =>
      unlike(memberOf(answer, name), inner, `${at}.${name}`),
    );
  }
  const isWord = typeof shown === "string" ? !/\d/.test(shown) : typeof shown !== "number";
  const isSame = isWord ? answer === shown : typeof answer === typeof shown;
  return isSame ? [] : [`${at} is ${JSON.stringify(answer)}, and not ${JSON.stringify(shown)}.`];
}

const IN_SHELL = `function inShell(text: string) {
  execFileSync("bash", ["--norc", "-e", "-u", "-c", text]);
}
export { inShell };
import { execFileSync } from "node:child_process";`;

const CLIENT = join(ROOT, "clients/typescript/src/index.ts");

/**
 * All TypeScript of a guide as one module, in which commands have their place. Other steps that are
 * shown in the shell alone are not for readers of TypeScript.
 */
export function moduleOf(steps: readonly Step[]): string {
  const parts = steps.flatMap((step) => {
    const [own, shell] = [blockIn(step, "ts"), blockIn(step, "sh")];
    if (own !== undefined) return [own];
    return shell?.startsWith("npm run ") ? [`inShell(${JSON.stringify(shell)});`] : [];
  });
  return [...parts, IN_SHELL].join("\n").replaceAll('"@staybase/client"', JSON.stringify(CLIENT));
}
