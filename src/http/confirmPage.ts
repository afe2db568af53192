/**
 * The page that the mailed link opens. Opening it changes nothing, for mail scanners open links
 * too: a button posts the token. It works without JavaScript.
 */
import express, { type Express } from "express";
import { toApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { operations } from "../rest/index.ts";

export const CONFIRM_PATH = "/confirm-registration";

export function installConfirmPage(app: Express, resources: Resources): void {
  app.get(CONFIRM_PATH, (request, response) => {
    const token = typeof request.query.token === "string" ? request.query.token : "";
    response.setHeader("Referrer-Policy", "no-referrer");
    response.type("html").send(
      page(`<h1>Welcome to Staybase</h1>
<p>Confirm that this e-mail address is yours.</p>
<form method="post" action="${CONFIRM_PATH}">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<button>Confirm my address</button>
</form>`),
    );
  });
  const form = express.urlencoded({ extended: false, limit: "10kb" });
  app.post(CONFIRM_PATH, form, async (request, response) => {
    const body: unknown = request.body;
    try {
      await operations.confirmRegistration?.(resources, {
        params: {},
        body,
        viewer: undefined,
        ip: request.ip ?? "",
        header: (name) => request.get(name),
      });
      response
        .type("html")
        .send(page("<h1>Thank you</h1><p>Your address is confirmed. You can log in now.</p>"));
    } catch (error) {
      const problem = toApiError(error);
      if (problem.status >= 500) throw error;
      response.status(problem.status).type("html");
      response.send(page(`<h1>That did not work</h1><p>${escapeHtml(problem.message)}</p>`));
    }
  });
}

function page(content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Staybase</title>
<style>
body { font: 18px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto; padding: 0 1rem;
  color: #222 }
button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .4rem; background: #0b7;
  color: #fff; cursor: pointer }
</style>
</head>
<body>
${content}
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}
