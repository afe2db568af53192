/**
 * The pages that mailed links open. Opening one changes nothing, for mail scanners open links too:
 * a form posts the token. They sign nobody in, for a page of ours has no use for a session, and
 * work without JavaScript.
 */

import express, { type Express, type RequestHandler, type Response } from "express";
import { toApiError } from "../databaseErrors.ts";
import type { ApiError, ErrorCode } from "../errors.ts";
import type { Resources } from "../resources/index.ts";
import { networkOf } from "../resources/network.ts";
import { takeNewAddress } from "../rest/confirmEmailChange.ts";
import { createAccount } from "../rest/confirmRegistration.ts";
import type { RestRequest } from "../rest/handler.ts";
import { keyInCookies } from "../rest/registrationKey.ts";
import { setNewPassword } from "../rest/resetPassword.ts";
import { memberOf, textIn } from "../values.ts";
import { escapeHtml, page } from "./html.ts";
import { serve } from "./methods.ts";

interface LinkPage {
  readonly path: string;
  /** HTML above the form. */
  readonly opening: string;
  /** HTML of the fields beside the token; `known` where it is the browser that registered. */
  fields(isKnown: boolean): string;
  readonly button: string;
  /** What the form does. */
  act(
    resources: Resources,
    request: Pick<RestRequest, "body" | "header" | "network">,
  ): Promise<unknown>;
  /** After this the link is of no more use. */
  readonly final: ErrorCode;
  /** HTML when it has worked. */
  readonly done: string;
}

const passwordField = (label: string, autocomplete: string): string => `<label>${label}
<input type="password" name="password" required autocomplete="${autocomplete}">
</label>`;

const CODE_FIELD = `<label>The six digits that your app shows, or a recovery code
<input name="code" required autocomplete="one-time-code" inputmode="text">
</label>`;

const LINK_PAGES: readonly LinkPage[] = [
  {
    path: "/confirm-registration",
    opening: `<h1>Welcome to Staybase</h1>
<p>Confirm that this e-mail address is yours. If you did not ask for an account, close this
page.</p>`,
    // Whoever registered elsewhere shows by the password that it was them.
    fields: (isKnown) =>
      isKnown ? "" : passwordField("The password that you chose", "current-password"),
    button: "Confirm my address",
    act: createAccount,
    final: "REGISTRATION_INVALID",
    done: `<h1>Thank you</h1>
<p>Your address is confirmed and your account is ready. Go back to where you registered and log in
with your e-mail address and your password; you can close this page.</p>
<p>Do you call the API yourself? The next request is <code>POST /v1/auth/login</code>: see
<a href="/docs">the reference</a>.</p>`,
  },
  {
    path: "/reset-password",
    opening: `<h1>Choose a new password</h1>
<p>It has 8 to 128 characters; four words are a good one. Everybody who is signed in to your
account will be signed out. If you did not ask for this, close this page.</p>`,
    fields: () => passwordField("New password", "new-password"),
    button: "Set my password",
    act: setNewPassword,
    final: "LINK_INVALID",
    done: `<h1>Your password is new</h1>
<p>Log in with it where you were before; you can close this page.</p>`,
  },
  {
    path: "/confirm-email",
    opening: `<h1>Your new e-mail address</h1>
<p>Confirm that this address is yours and shall be that of your account. If you did not ask for it,
close this page.</p>`,
    fields: () => "",
    button: "Use this address",
    act: takeNewAddress,
    final: "LINK_INVALID",
    done: `<h1>Thank you</h1>
<p>Your account has this address from now on. Log in with it; you can close this page.</p>`,
  },
];

/** Mail programs break long links, and people copy a part of them. */
const INCOMPLETE = `<h1>This link is not complete</h1>
<p>Open the whole link of the mail, up to its end. If that does not help, ask for a new one.</p>`;

export function installLinkPages(app: Express, resources: Resources): void {
  const parser = express.urlencoded({ extended: false, limit: "10kb" });
  for (const linkPage of LINK_PAGES) {
    const show: RequestHandler = (request, response) => {
      const { token } = request.query;
      if (typeof token === "string" && token !== "") {
        const isKnown = keyInCookies(request.get("cookie")) !== undefined;
        send(response, linkPage.opening + form(linkPage, token, isKnown));
      } else {
        response.status(400);
        send(response, INCOMPLETE);
      }
    };
    const act: RequestHandler = async (request, response) => {
      const registrationKey = keyInCookies(request.get("cookie"));
      const body: unknown = { registrationKey, ...request.body };
      try {
        const header = (name: string): string | undefined => request.get(name);
        await linkPage.act(resources, { body, header, network: networkOf(request.ip ?? "") });
        send(response, linkPage.done);
      } catch (error) {
        const problem = toApiError(error);
        if (problem.status >= 500) throw error;
        response.status(problem.status);
        send(response, refusal(linkPage, problem, body));
      }
    };
    serve(app, linkPage.path, { get: show, post: [parser, act] });
  }
}

/** The page has the token, which must neither stay in a cache nor travel on as a referrer. */
function send(response: Response, content: string): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.type("html").send(page({ title: "Your account", body: content, narrow: true }));
}

/** What went wrong, and the form again as long as the link is good for another try. */
function refusal(linkPage: LinkPage, problem: ApiError, body: unknown): string {
  const token: unknown = memberOf(body, "token");
  const again = problem.code !== linkPage.final && typeof token === "string";
  const asksForCode =
    problem.code === "SECOND_FACTOR_REQUIRED" || textIn(body, "code") !== undefined;
  return `<h1>${asksForCode ? "Your second factor" : "That did not work"}</h1>
<p class="wrong" role="alert">${escapeHtml(problem.message)}</p>
${again ? form(linkPage, token, false, asksForCode ? CODE_FIELD : "") : ""}`;
}

function form(
  { path, fields, button }: LinkPage,
  token: string,
  isKnown: boolean,
  more = "",
): string {
  return `<form method="post" action="${path}">
<input type="hidden" name="token" value="${escapeHtml(token)}">
${fields(isKnown)}${more}
<button>${button}</button>
</form>`;
}
