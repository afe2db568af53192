/**
 * What processes and servers of a test run have logged, and what must not be in it. Helpers keep each
 * log, and each secret as they make or meet it, in a folder of the run; when all tests are over,
 * `findSecrets` looks for the ones in the others.
 */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "../../src/values.ts";

declare global {
  // Jest hands its `globals` to every test file under the name that they have there.
  var staybaseTestLogs: string | undefined;
}

const SECRETS = "secrets.json";
let logs = 0;

/** Keeps what was logged; `by` is part of its file's name. */
export function keepLog(by: string, text: string): void {
  const folder = globalThis.staybaseTestLogs;
  if (folder === undefined || text === "") return;
  logs += 1;
  writeFileSync(join(folder, `${by}-${process.pid}-${Date.now()}-${logs}.log`), text);
}

/** Members of requests and answers whose values are nobody else's business. */
const MEMBERS = new Set([
  "accessToken",
  "clientSecret",
  "email",
  "newPassword",
  "oldPassword",
  "password",
  "recoveryCodes",
  "refreshToken",
  "registrationKey",
  "secret",
  "token",
]);
/** What is shorter may be a word that a log may well say. */
const LEAST_LENGTH = 10;
const kept = new Set<string>();

/** Keeps the secrets of a request or an answer. */
export function keepSecrets(value: unknown): void {
  if (Array.isArray(value)) value.forEach(keepSecrets);
  if (!isRecord(value)) return;
  for (const [name, member] of Object.entries(value)) {
    const texts = [member].flat().filter((each) => typeof each === "string");
    if (MEMBERS.has(name) && texts.length > 0) texts.forEach(keepSecret);
    else keepSecrets(member);
  }
}

export function keepSecret(text: string): void {
  const folder = globalThis.staybaseTestLogs;
  if (folder === undefined || text.length < LEAST_LENGTH || kept.has(folder + text)) return;
  kept.add(folder + text);
  appendFileSync(join(folder, SECRETS), `${JSON.stringify(text)}\n`);
}

/** A JWT with a payload, whoever made it. */
const JWT = /eyJ[\w-]{8,}\.eyJ[\w-]{8,}/;

/** Tokens, and addresses of mail. */
const WORDS = [/[\w-]+/g, /[\w.+-]+@[\w.-]+/g];

/** Which logs have a secret in them; the secret itself is not told. */
export function findSecrets(folder: string): string[] {
  const files = readdirSync(folder);
  const secrets = files.includes(SECRETS)
    ? readFileSync(join(folder, SECRETS), "utf8").trim().split("\n").map(parse)
    : [];
  // There are thousands of tokens and addresses: they are looked up, word by word.
  const isWord = (text: string): boolean => WORDS.some((kind) => text.match(kind)?.[0] === text);
  const words = new Set(secrets.filter(isWord));
  const phrases = secrets.filter((text) => !isWord(text));
  const isBad = (line: string): boolean =>
    JWT.test(line) ||
    phrases.some((text) => line.includes(text)) ||
    WORDS.some((kind) => line.match(kind)?.some((word) => words.has(word)));
  return files.flatMap((file) => {
    if (!file.endsWith(".log")) return [];
    const lines = readFileSync(join(folder, file), "utf8").split("\n");
    const bad = lines.findIndex(isBad);
    return bad === -1 ? [] : [`${file}, line ${bad + 1}`];
  });
}

const parse = (line: string): string => String(JSON.parse(line));
