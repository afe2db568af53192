/**
 * The page /docs/errors: every code that a client can meet, out of the registry. Each error of
 * both faces links to its line.
 */
import type { Express } from "express";
import { ERRORS, type ErrorCode, isErrorCode } from "../errors.ts";
import { page, prose } from "./html.ts";
import { serve } from "./methods.ts";

export function installErrorsPage(app: Express): void {
  const codes = Object.keys(ERRORS).filter(isErrorCode);
  const html = page({ title: "Errors", body: body(codes), head: STYLE });
  serve(app, "/docs/errors", {
    get: (_request, response) => void response.type("html").send(html),
  });
}

/** On a narrow screen each code is a block of its own. */
const STYLE = `<style>
td a { color: inherit; text-decoration: none }
td:first-child code { overflow-wrap: normal; font-weight: 600 }
@media (max-width: 50rem) {
  thead { display: none }
  tr, td { display: block; padding-right: 0; border: 0 }
  tr { padding: .6rem 0; border-bottom: 1px solid var(--line) }
  td { padding: .1rem 0 }
  td:first-child, td:nth-child(2) { display: inline; padding-right: .6rem }
}
</style>
`;

function body(codes: readonly ErrorCode[]): string {
  return `<h1>Errors</h1>
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
</table>`;
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
