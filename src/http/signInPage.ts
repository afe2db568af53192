/**
 * The page `/sign-in`, to which a provider of OpenID Connect leads where no app is configured. It
 * signs in for our own pages alone: assets/signInPage.js has what began there. Refusals are worded
 * here, by their code.
 */
import type { Express } from "express";
import { ERRORS, isErrorCode } from "../errors.ts";
import { escapeHtml, page } from "./html.ts";
import { serve } from "./methods.ts";

const SIGNING_IN = `<h1>Signing in</h1>
<p id="outcome" role="status">One moment.</p>
<form hidden><label>Code <input name="code" required autocomplete="one-time-code"></label>
<button>Sign in</button></form>
<noscript><p>This page needs JavaScript.</p></noscript>`;

const SCRIPT = `<script type="module" src="/docs/assets/signInPage.js"></script>\n`;

export function installSignInPage(app: Express): void {
  serve(app, "/sign-in", {
    get: (request, response) => {
      const { error } = request.query;
      // The code must neither stay in a cache nor travel on as a referrer.
      response.setHeader("Cache-Control", "no-store");
      response.setHeader("Referrer-Policy", "no-referrer");
      const [head, body] = isErrorCode(error)
        ? ["", refusal(ERRORS[error].message)]
        : [SCRIPT, SIGNING_IN];
      response.type("html").send(page({ title: "Sign in", body, head, narrow: true }));
    },
  });
}

function refusal(message: string): string {
  return `<h1>That did not work</h1>
<p class="wrong" role="alert">${escapeHtml(message)}</p>
<p>Go back to <a href="/docs">the reference</a> to try again.</p>`;
}
