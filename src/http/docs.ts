/**
 * The reference of the REST API at /docs, from files of our own: no CDN. The document itself is
 * /openapi.json.
 */
import express, { type Express } from "express";
import { getAbsoluteFSPath } from "swagger-ui-dist";
import { readOpenapi } from "./openapi.ts";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Staybase REST API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/favicon-32x32.png">
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
  app.get("/", (_request, response) => {
    response.redirect("/docs");
  });
  app.get("/openapi.json", (_request, response) => {
    response.json(document);
  });
  app.get("/docs", (_request, response) => {
    response.type("html").send(PAGE);
  });
  app.get("/docs/start.js", (_request, response) => {
    response.type("text/javascript").send(START);
  });
  // Browsers ask for it on every page, GraphiQL's too.
  app.get("/favicon.ico", (_request, response) => {
    response.redirect("/docs/assets/favicon-32x32.png");
  });
  app.use("/docs/assets", express.static(getAbsoluteFSPath(), { index: false, maxAge: "1h" }));
}
