/** The diagrams at /docs/diagrams. `npm run schema:dump` draws them from the database. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Express } from "express";
import { markdownHtml } from "./guides.ts";
import { page } from "./html.ts";
import { serve } from "./methods.ts";

const PAGE = new URL("../../docs/diagrams.md", import.meta.url);
const FOLDER = fileURLToPath(new URL("../../sql/diagrams", import.meta.url));

export async function installDiagrams(app: Express): Promise<void> {
  const body = markdownHtml(await readFile(PAGE, "utf8"));
  const html = page({ title: "Diagrams", body });
  serve(app, "/docs/diagrams", {
    get: (_request, response) => void response.type("html").send(html),
  });
  for (const name of await readdir(FOLDER)) {
    serve(app, `/docs/diagrams/${name}`, {
      get: (_request, response) => response.sendFile(name, { root: FOLDER, maxAge: "1h" }),
    });
  }
}
