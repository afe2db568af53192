/**
 * Where the mailed link to one's own data leads. Opening it changes nothing and downloads nothing,
 * for mail scanners open links too: a form posts the token and gets the document, a part at a time,
 * so that no process holds a large one in memory.
 */

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import express, { type Express, type RequestHandler, type Response } from "express";
import { toApiError } from "../databaseErrors.ts";
import { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { networkOf } from "../resources/network.ts";
import { hashToken } from "../resources/tokens.ts";
import { limitTries } from "../rest/limits.ts";
import { textIn } from "../values.ts";
import { escapeHtml, page } from "./html.ts";
import { serve } from "./methods.ts";

const PATH = "/export";

export function installExportPage(app: Express, resources: Resources): void {
  const show: RequestHandler = (request, response) => {
    const { token } = request.query;
    if (typeof token === "string" && token !== "") send(response, opening(token));
    else send(response.status(400), INCOMPLETE);
  };
  const download: RequestHandler = async (request, response) => {
    const hash = hashToken(textIn(request.body, "token") ?? "");
    try {
      await limitTries(resources, "linkNetwork", networkOf(request.ip ?? ""));
      const first = await readPart(resources, hash, 0);
      if (first === undefined) throw new ApiError("LINK_INVALID");
      hide(response);
      response.attachment("staybase-data.json");
      await pipeline(Readable.from(partsFrom(resources, hash, first)), response);
    } catch (error) {
      const problem = toApiError(error);
      // Whoever has gone away needs no answer.
      if (response.headersSent || problem.status >= 500) throw error;
      const message = escapeHtml(problem.message);
      send(
        response.status(problem.status),
        `<h1>That did not work</h1>\n<p class="wrong" role="alert">${message}</p>`,
      );
    }
  };
  const parser = express.urlencoded({ extended: false, limit: "10kb" });
  serve(app, PATH, { get: show, post: [parser, download] });
}

async function readPart(
  resources: Resources,
  hash: Buffer,
  part: number,
): Promise<Buffer | undefined> {
  const { rows } = await resources.pool.query<{ content: Buffer | null }>(
    "select app_private.read_export($1, $2) as content",
    [hash, part],
  );
  return rows[0]?.content ?? undefined;
}

/** The parts of a document in order; the next is read when the last one is on its way. */
async function* partsFrom(
  resources: Resources,
  hash: Buffer,
  first: Buffer,
): AsyncGenerator<Buffer> {
  let content: Buffer | undefined = first;
  for (let part = 1; content !== undefined; part += 1) {
    yield content;
    content = await readPart(resources, hash, part);
  }
}

/** The page has the token, and the document is somebody's: neither stays anywhere. */
function hide(response: Response): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Referrer-Policy", "no-referrer");
}

function send(response: Response, content: string): void {
  hide(response);
  response.type("html").send(page({ title: "Your data", body: content, narrow: true }));
}

const opening = (token: string): string => `<h1>Your data</h1>
<p>Everything that Staybase knows of you, as one file for programs and for patient readers (JSON).
Keep it where nobody else finds it.</p>
<form method="post" action="${PATH}">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<button>Download my data</button>
</form>`;

/** Mail programs break long links, and people copy a part of them. */
const INCOMPLETE = `<h1>This link is not complete</h1>
<p>Open the whole link of the mail, up to its end. If that does not help, ask for a new one.</p>`;
