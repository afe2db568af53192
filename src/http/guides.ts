/**
 * The guides at /docs/guides: the Markdown files of docs/guides, made HTML when the server starts.
 * tests/guides runs every block of code that they show.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Express } from "express";
import { Marked, Renderer, type Token, type Tokens } from "marked";
import { escapeHtml, page } from "./html.ts";
import { serve } from "./methods.ts";

export const GUIDES_FOLDER = fileURLToPath(new URL("../../docs/guides", import.meta.url));

/** Blocks of code with nothing between them: the same step in several languages. */
export interface Step {
  readonly blocks: readonly Block[];
}

interface Block {
  readonly language: string;
  readonly text: string;
}

/** A guide from top to bottom. */
export type Part = Step | { readonly prose: Token };

interface Guide {
  readonly name: string;
  readonly title: string;
  /** What it says first. */
  readonly opening: string;
  readonly html: string;
}

export async function installGuides(app: Express): Promise<void> {
  const files = (await readdir(GUIDES_FOLDER)).filter((file) => file.endsWith(".md"));
  const guides = await Promise.all(files.map(readGuide));
  const index = page({ title: "Guides", body: contents(guides) });
  serve(app, "/docs/guides", {
    get: (_request, response) => void response.type("html").send(index),
  });
  for (const { name, title, html } of guides) {
    const text = page({ title, body: html });
    serve(app, `/docs/guides/${name}`, {
      get: (_request, response) => void response.type("html").send(text),
    });
  }
}

const marked = new Marked({
  renderer: {
    // The Markdown is ours, and has none.
    html: ({ text }) => escapeHtml(text),
    heading({ tokens, depth, text }) {
      const id = text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
      return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
    },
    image: ({ href, text }) => {
      const source = href.replace("../sql/diagrams/", "/docs/diagrams/");
      const image = `<img src="${escapeHtml(source)}" alt="${escapeHtml(text)}">`;
      return `<a class="drawing" href="${escapeHtml(source)}">${image}</a>`;
    },
    table(table) {
      return `<div class="wide">${Renderer.prototype.table.call(this, table)}</div>\n`;
    },
    link({ href, tokens }) {
      const text = this.parser.parseInline(tokens);
      const target = onSite(href);
      return target === undefined ? text : `<a href="${escapeHtml(target)}">${text}</a>`;
    },
  },
});

/** Where a link leads here: other files of the repository are not on the site. */
function onSite(href: string): string | undefined {
  if (href.startsWith("../")) return undefined;
  return href
    .replace("http://localhost:4000/", "/")
    .replace(/^(\w+)\.md(?=#|$)/, "/docs/guides/$1");
}

/** The parts of a guide. */
export function partsOf(markdown: string): Part[] {
  const parts: Part[] = [];
  let blocks: Block[] | undefined;
  for (const token of marked.lexer(markdown)) {
    if (token.type === "space") continue;
    if (token.type !== "code") {
      blocks = undefined;
      parts.push({ prose: token });
      continue;
    }
    if (blocks === undefined) {
      blocks = [];
      parts.push({ blocks });
    }
    const { lang = "", text } = token as Tokens.Code;
    blocks.push({ language: lang, text });
  }
  return parts;
}

async function readGuide(file: string): Promise<Guide> {
  const parts = partsOf(await readFile(join(GUIDES_FOLDER, file), "utf8"));
  const [title = "", opening = ""] = parts.map((part) =>
    "prose" in part && "text" in part.prose ? String(part.prose.text) : "",
  );
  const html = parts.map((part, index) => htmlOf(part, `step-${index}`)).join("\n");
  return { name: file.replace(/\.md$/, ""), title, opening, html };
}

/** The HTML of Markdown of ours. */
export const markdownHtml = (text: string): string => marked.parse(text, { async: false });

/** The HTML of a part; the id is its own on the page. */
export const htmlOf = (part: Part, id: string): string =>
  "prose" in part ? marked.parser([part.prose]) : stepHtml(part, id);

const LANGUAGES: Readonly<Record<string, string>> = {
  sh: "curl",
  ts: "TypeScript",
  graphql: "GraphQL",
  json: "Answer",
};

/** One language of a step is open at a time. */
function stepHtml({ blocks }: Step, id: string): string {
  const shown = blocks.filter(({ language }) => language !== "json");
  return blocks
    .map(({ language, text }, index) => {
      const code = `<pre><code>${escapeHtml(text)}</code></pre>`;
      const name = `<summary>${LANGUAGES[language] ?? escapeHtml(language)}</summary>`;
      const details = (more: string): string =>
        `<details class="step"${more}>${name}${code}</details>`;
      if (language === "json") return details(" open");
      if (shown.length === 1) return code;
      return details(` name="${id}"${index === 0 ? " open" : ""}`);
    })
    .join("\n");
}

/** Where one begins comes first. */
const ORDER = ["stay", "hosting", "errors", "idempotency", "paging", "webhooks"];

function contents(guides: readonly Guide[]): string {
  const place = ({ name }: Guide): number => (ORDER.indexOf(name) + ORDER.length) % ORDER.length;
  const items = guides
    .toSorted((one, other) => place(one) - place(other))
    .map(({ name, title, opening }) => {
      const link = `<a href="/docs/guides/${name}">${escapeHtml(title)}</a>`;
      return `<h2>${link}</h2>\n<p>${marked.parseInline(opening)}</p>`;
    });
  return `<h1>Guides</h1>
<p>Every line of code in them is run by a test. The address of each operation is in
<a href="/docs">the reference</a>, every error in <a href="/docs/errors">the list of codes</a>.</p>
${items.join("\n")}`;
}
