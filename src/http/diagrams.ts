/** The diagrams at /docs/diagrams. `npm run schema:dump` draws them from the database. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Express } from "express";
import { markdownPage } from "./guides.ts";
import { serve } from "./methods.ts";

const PAGE = new URL("../../docs/diagrams.md", import.meta.url);
const FOLDER = fileURLToPath(new URL("../../sql/diagrams", import.meta.url));

export async function installDiagrams(app: Express): Promise<void> {
  const page = markdownPage("Diagrams", await readFile(PAGE, "utf8"));
  serve(app, "/docs/diagrams", {
    get: (_request, response) => void response.type("html").send(page),
  });
  for (const name of await readdir(FOLDER)) {
    serve(app, `/docs/diagrams/${name}`, {
      get: (_request, response) => response.sendFile(name, { root: FOLDER, maxAge: "1h" }),
    });
  }
}
