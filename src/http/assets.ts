/**
 * What our own pages load, from the folder assets/: their look, their icon, and the scripts that
 * browsers run as they are.
 */
import { fileURLToPath } from "node:url";
import type { Express } from "express";
import { serve } from "./methods.ts";

const FOLDER = fileURLToPath(new URL("assets/", import.meta.url));

/** Each by its name; nothing else of the folder is public. */
const FILES = ["pages.css", "icon.svg"];

export function installAssets(app: Express): void {
  for (const name of FILES) {
    serve(app, `/docs/assets/${name}`, {
      get: (_request, response) => response.sendFile(name, { root: FOLDER }),
    });
  }
  // Browsers ask for it where a page names no icon, such as GraphiQL.
  serve(app, "/favicon.ico", { get: (_request, response) => response.redirect(ICON) });
}

const ICON = "/docs/assets/icon.svg";
