/**
 * The page that the mailed link opens. Opening it changes nothing, for mail scanners open links
 * too: a form posts the token with the password. It creates the account and signs nobody in, for
 * a page of ours has no use for a session. It works without JavaScript.
 */

import express, { type Express, type Response } from "express";
import { type ApiError, toApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { createAccount } from "../rest/confirmRegistration.ts";
import { memberOf } from "../values.ts";
import { escapeHtml } from "./html.ts";

export const CONFIRM_PATH = "/confirm-registration";

const CONFIRMED = `<h1>Thank you</h1>
<p>Your address is confirmed and your account is ready. Go back to where you registered and log in
with your e-mail address and your password; you can close this page.</p>
<p>Do you call the API yourself? The next request is <code>POST /v1/auth/login</code>: see
<a href="/docs">the reference</a>.</p>`;

export function installConfirmPage(app: Express, resources: Resources): void {
  app.get(CONFIRM_PATH, (request, response) => {
    const token = typeof request.query.token === "string" ? request.query.token : "";
    send(response, `<h1>Welcome to Staybase</h1>${form(token)}`);
  });
  const parser = express.urlencoded({ extended: false, limit: "10kb" });
  app.post(CONFIRM_PATH, parser, async (request, response) => {
    const body: unknown = request.body;
    try {
      await createAccount(resources, { body, ip: request.ip ?? "" });
      send(response, CONFIRMED);
    } catch (error) {
      const problem = toApiError(error);
      if (problem.status >= 500) throw error;
      response.status(problem.status);
      send(response, refusal(problem, body));
    }
  });
}

/** The page has the token, which must neither stay in a cache nor travel on as a referrer. */
function send(response: Response, content: string): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.type("html").send(page(content));
}

/** What went wrong, and the form again as long as the link is good for another try. */
function refusal(problem: ApiError, body: unknown): string {
  const token: unknown = memberOf(body, "token");
  const again = problem.code !== "REGISTRATION_INVALID" && typeof token === "string";
  return `<h1>That did not work</h1>
<p class="refusal" role="alert">${escapeHtml(problem.message)}</p>
${again ? form(token) : ""}`;
}

function form(token: string): string {
  return `<p>Confirm that this e-mail address is yours, with the password that you chose when you
registered. If you did not ask for an account, close this page.</p>
<form method="post" action="${CONFIRM_PATH}">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<label>Password
<input type="password" name="password" required autocomplete="current-password">
</label>
<button>Confirm my address</button>
</form>`;
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
label { display: block; margin: 1rem 0 }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem;
  border: 1px solid #888; border-radius: .4rem }
.refusal { color: #b00 }
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
