/**
 * The page that the mailed link opens. Opening it changes nothing, for mail scanners open links
 * too: a form posts the token with the password. It creates the account and signs nobody in, for
 * a page of ours has no use for a session. It works without JavaScript.
 */

import express, { type Express, type RequestHandler, type Response } from "express";
import { toApiError } from "../databaseErrors.ts";
import type { ApiError } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { createAccount } from "../rest/confirmRegistration.ts";
import { memberOf } from "../values.ts";
import { escapeHtml, page } from "./html.ts";
import { serve } from "./methods.ts";

export const CONFIRM_PATH = "/confirm-registration";

const CONFIRMED = `<h1>Thank you</h1>
<p>Your address is confirmed and your account is ready. Go back to where you registered and log in
with your e-mail address and your password; you can close this page.</p>
<p>Do you call the API yourself? The next request is <code>POST /v1/auth/login</code>: see
<a href="/docs">the reference</a>.</p>`;

/** Mail programs break long links, and people copy a part of them. */
const INCOMPLETE = `<h1>This link is not complete</h1>
<p>Open the whole link of the mail, up to its end. If that does not help, register again: you get a
new one.</p>`;

export function installConfirmPage(app: Express, resources: Resources): void {
  const show: RequestHandler = (request, response) => {
    const { token } = request.query;
    if (typeof token === "string" && token !== "") {
      send(response, `<h1>Welcome to Staybase</h1>${form(token)}`);
    } else {
      response.status(400);
      send(response, INCOMPLETE);
    }
  };
  const parser = express.urlencoded({ extended: false, limit: "10kb" });
  const confirm: RequestHandler = async (request, response) => {
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
  };
  serve(app, CONFIRM_PATH, { get: show, post: [parser, confirm] });
}

/** The page has the token, which must neither stay in a cache nor travel on as a referrer. */
function send(response: Response, content: string): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.type("html").send(page({ title: "Your account", body: content, narrow: true }));
}

/** What went wrong, and the form again as long as the link is good for another try. */
function refusal(problem: ApiError, body: unknown): string {
  const token: unknown = memberOf(body, "token");
  const again = problem.code !== "REGISTRATION_INVALID" && typeof token === "string";
  return `<h1>That did not work</h1>
<p class="wrong" role="alert">${escapeHtml(problem.message)}</p>
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
