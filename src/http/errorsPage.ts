/**
 * The page /docs/errors: every code that a client can meet, out of the registry. Each error of
 * both faces links to its line.
 */
import type { Express } from "express";
import { ERRORS, type ErrorCode, isErrorCode } from "../errors.ts";
import { escapeHtml } from "./html.ts";
import { serve } from "./methods.ts";

const STYLE = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto;
  padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0;
  border-bottom: 1px solid #ddd }
tr:target { background: #fff3bf }
td a { color: inherit; text-decoration: none }
code { font-size: .9em }`;

export function installErrorsPage(app: Express): void {
  const html = page(Object.keys(ERRORS).filter(isErrorCode));
  serve(app, "/docs/errors", {
    get: (_request, response) => void response.type("html").send(html),
  });
}

function page(codes: readonly ErrorCode[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Staybase errors</title>
<style>
${STYLE}
</style>
</head>
<body>
<h1>Errors</h1>
<p>REST answers with <code>application/problem+json</code>, GraphQL with <code>errors</code>, whose
<code>extensions</code> have the same members: <code>code</code> for programs, <code>fields</code>
with the names of the inputs at fault, <code>details</code> where there is more to say, and a
<code>requestId</code> for us to find the line in the log. A message may say more than the sentence
here. GraphQL answers with 200 where it has executed something; <code>status</code> is then what
REST would answer.</p>
<table>
<thead><tr><th>Code</th><th>Status</th><th>What happened</th><th>What to do</th></tr></thead>
<tbody>
${codes.map(row).join("\n")}
</tbody>
</table>
</body>
</html>
`;
}

function row(code: ErrorCode): string {
  const { status, message, remedy } = ERRORS[code];
  const cells = [
    `<a href="#${code}"><code>${code}</code></a>`,
    String(status),
    prose(message),
    prose(remedy),
  ];
  return `<tr id="${code}">${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

/** Text of the registry, in which code stands between backticks. */
function prose(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}
