/**
 * Answers visitors from what is kept for them, before anything else reads the request, and keeps
 * what the doors behind it offer. Whoever sends a token never meets it. Requests are the same when
 * their bytes are; those that come while the first of them is being answered wait for that answer.
 */
import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { Express, NextFunction, Request, Response } from "express";
import { SCHEMA_TEXT_FILE } from "../graphql/schemaText.ts";
import type { Resources } from "../resources/index.ts";
import {
  type CacheOutcome,
  type Freshness,
  openPublicAnswers,
  type PublicAnswer,
  type PublicAnswers,
} from "../resources/publicAnswers.ts";
import { isKnown } from "./conditional.ts";
import { readOpenapi } from "./openapi.ts";

declare module "node:http" {
  interface IncomingMessage {
    /** How an answer for visitors came about, for the log. */
    cache?: CacheOutcome;
  }
}

/** What of an answer's headers is the same for all. */
const KEPT_HEADERS = ["cache-control", "content-type", "etag", "link", "vary"];
/** Bodies above this are read by whoever answers them. */
const MOST_BODY_BYTES = 20_000;

const offers = new WeakMap<IncomingMessage, Freshness>();

/** Says that the answer to a request is the same for all visitors, and for how long. */
export function offerAnswer(request: IncomingMessage, freshness: Freshness): void {
  offers.set(request, freshness);
}

/** What was offered for a request; undefined for an answer that is nobody else's. */
export function offeredFreshness(request: IncomingMessage): Freshness | undefined {
  return offers.get(request);
}

interface Cache {
  readonly answers: PublicAnswers;
  /** What is being answered right now, by its key; without an answer where it is not kept. */
  readonly flights: Map<string, Promise<PublicAnswer | undefined>>;
  /** Whether clients are told how an answer came about. */
  readonly isTimed: boolean;
}

/** Installs the cache, before all that answers; undefined where it is given no room. */
export async function installPublicCache(
  app: Express,
  resources: Resources,
): Promise<PublicAnswers | undefined> {
  const answers = openPublicAnswers(resources, await readVersion());
  if (answers === undefined) return undefined;
  const isTimed = resources.config.environment !== "production";
  const cache: Cache = { answers, flights: new Map(), isTimed };
  app.use(async (request, response, next) => {
    if (!isForAll(request)) {
      next();
      return;
    }
    const key = await keyOf(request);
    if (key === undefined) return;
    const here = answers.find(key);
    if (here !== undefined) send(cache, "hit", here, request, response);
    else await answerOnce(cache, key, request, response, next);
  });
  return answers;
}

/** Tells the answers of one version of the API from those of another in the same Redis. */
async function readVersion(): Promise<string> {
  const openapi = JSON.stringify(await readOpenapi());
  const sdl = await readFile(SCHEMA_TEXT_FILE, "utf8");
  return hash("sha256", openapi + sdl, "base64url").slice(0, 12);
}

/** Whether a request could be anybody's, and is small enough to be compared. */
function isForAll({ method, url, headers }: Request): boolean {
  if (headers.authorization !== undefined) return false;
  const hasBody = headers["transfer-encoding"] !== undefined;
  const length = Number(headers["content-length"] ?? 0);
  if (method === "GET" || method === "HEAD") {
    return length === 0 && !hasBody && (url.startsWith("/v1/") || url.startsWith("/graphql?"));
  }
  return (
    method === "POST" &&
    url === "/graphql" &&
    !hasBody &&
    length > 0 &&
    length <= MOST_BODY_BYTES &&
    headers["content-encoding"] === undefined
  );
}

/** What tells requests apart; undefined where the client has gone before it was read. */
async function keyOf(request: Request): Promise<string | undefined> {
  const { method, url, headers } = request;
  const asked = method === "HEAD" ? "GET" : method;
  const head = `${asked}\n${url}\n${headers.accept ?? ""}\n${headers["content-type"] ?? ""}\n`;
  if (method !== "POST") return head;
  const body = await readBody(request);
  if (body === undefined) return undefined;
  // Grafserv takes it from here.
  request.body = body;
  // One character for each byte, so that no two bodies are the same text.
  return head + body.toString("latin1");
}

function readBody(request: Request): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("close", () => resolve(undefined));
    request.once("error", () => resolve(undefined));
  });
}

async function answerOnce(
  cache: Cache,
  key: string,
  request: Request,
  response: Response,
  next: NextFunction,
): Promise<void> {
  const { answers, flights } = cache;
  const flight = flights.get(key);
  if (flight !== undefined) {
    const answer = await flight;
    if (answer !== undefined) send(cache, "shared", answer, request, response);
    else next();
    return;
  }
  const { promise, resolve } = Promise.withResolvers<PublicAnswer | undefined>();
  flights.set(key, promise);
  const land = (answer: PublicAnswer | undefined): void => {
    if (flights.get(key) === promise) flights.delete(key);
    resolve(answer);
  };
  response.once("close", () => land(undefined));
  const askedAt = Date.now();
  const there = await answers.fetch(key);
  if (there !== undefined) {
    land(there);
    send(cache, "hit", there, request, response);
    return;
  }
  // The answer to HEAD has no body to keep.
  if (request.method !== "HEAD") {
    capture(request, response, askedAt, (answer) => {
      request.cache = "miss";
      answers.count("miss");
      land(answers.keep(key, answer) ? answer : undefined);
    });
  }
  next();
}

/** Looks at the answer when it is sent; what was not offered goes by. */
function capture(
  request: Request,
  response: Response,
  askedAt: number,
  take: (answer: PublicAnswer) => void,
): void {
  const end = response.end.bind(response) as (...args: unknown[]) => Response;
  response.end = (...args: unknown[]) => {
    const [chunk] = args;
    const freshness = offers.get(request);
    const isBody = typeof chunk === "string" || chunk instanceof Uint8Array;
    if (freshness !== undefined && isBody && response.statusCode === 200) {
      const headers: Record<string, string> = {};
      for (const name of KEPT_HEADERS) {
        const value = response.getHeader(name);
        if (value !== undefined) headers[name] = String(value);
      }
      take({ headers, body: Buffer.from(chunk), freshness, askedAt });
    }
    return end(...args);
  };
}

function send(
  { answers, isTimed }: Cache,
  outcome: CacheOutcome,
  { headers, body, askedAt }: PublicAnswer,
  request: Request,
  response: Response,
): void {
  request.cache = outcome;
  answers.count(outcome);
  if (isTimed) response.setHeader("Server-Timing", `cache;desc="${outcome}"`);
  for (const name in headers) response.setHeader(name, headers[name] ?? "");
  response.setHeader("Age", Math.max(0, Math.floor((Date.now() - askedAt) / 1000)));
  if (isKnown(request, headers.etag)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  response.setHeader("Content-Length", body.length);
  response.end(body);
}
