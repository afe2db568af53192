/**
 * The reference of the REST API at /docs, from files of our own: no CDN. The document itself is
 * /openapi.json.
 */
import type { Express } from "express";
import { getAbsoluteFSPath } from "swagger-ui-dist";
import { serve } from "./methods.ts";
import { readOpenapi } from "./openapi.ts";

const ASSETS = ["swagger-ui.css", "swagger-ui-bundle.js"];

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Staybase REST API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/icon.svg">
</head>
<body>
<div id="reference"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  tryItOutEnabled: true,
});
`;

export async function installDocs(app: Express): Promise<void> {
  const document = await readOpenapi();
  serve(app, "/", { get: (_request, response) => response.redirect("/docs") });
  serve(app, "/openapi.json", { get: (_request, response) => void response.json(document) });
  serve(app, "/docs", { get: (_request, response) => void response.type("html").send(PAGE) });
  serve(app, "/docs/start.js", {
    get: (_request, response) => void response.type("text/javascript").send(START),
  });
  // These alone: the package has more, such as its list of dependencies, that is nobody's business.
  for (const name of ASSETS) {
    serve(app, `/docs/assets/${name}`, {
      get: (_request, response) =>
        response.sendFile(name, { root: getAbsoluteFSPath(), maxAge: "1h" }),
    });
  }
}
