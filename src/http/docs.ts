/**
 * The reference of the REST API at /docs, from files of our own: no CDN. The document itself is
 * /openapi.json; assets/docs.js starts Swagger UI and signs in.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type { Express } from "express";
import { page } from "./html.ts";
import { serve } from "./methods.ts";
import { readOpenapi } from "./openapi.ts";

/** The package is for browsers: to import it runs megabytes of script that nobody needs here. */
const PACKAGE = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
const ASSETS = ["swagger-ui.css", "swagger-ui-bundle.js"];

const PAGE = page({
  title: "REST API",
  head: `<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="stylesheet" href="/docs/assets/signIn.css">
<link rel="stylesheet" href="/docs/assets/docs.css">
<script src="/docs/assets/swagger-ui-bundle.js" defer></script>
<script type="module" src="/docs/assets/docs.js"></script>
`,
  body: `<div id="as"></div>\n<div id="reference"></div>`,
});

export async function installDocs(app: Express): Promise<void> {
  const document = await readOpenapi();
  serve(app, "/openapi.json", { get: (_request, response) => void response.json(document) });
  serve(app, "/docs", { get: (_request, response) => void response.type("html").send(PAGE) });
  // These alone: the package has more, such as its list of dependencies, that is nobody's business.
  for (const name of ASSETS) {
    serve(app, `/docs/assets/${name}`, {
      get: (_request, response) => response.sendFile(name, { root: PACKAGE, maxAge: "1h" }),
    });
  }
}
