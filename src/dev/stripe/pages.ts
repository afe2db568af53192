/**
 * What a guest's browser meets: the pay page and the bank's 3-D Secure page, and the same by
 * curl, which is answered in JSON. Only the client secret opens them; no script is needed.
 */

import type { Express, Request, Response } from "express";
import type Stripe from "stripe";
import { escapeHtml } from "../../http/html.ts";
import { cardByName, cardByNumber, TEST_CARDS } from "./cards.ts";
import { invalid, SimulatedError } from "./errors.ts";
import { Parameters } from "./parameters.ts";
import { type Payments, publicView } from "./payments.ts";

type Intent = Stripe.PaymentIntent;

/** `GET|POST /pay/:id` and `GET|POST /authenticate/:id`. */
export function installPages(app: Express, payments: Payments): void {
  const find = (request: Request, parameters: Parameters): Intent =>
    payments.intentOfClient(String(request.params.id), parameters.required("client_secret"));

  app.get("/pay/:id", (request, response) => {
    const parameters = new Parameters(request.query);
    showPay(response, 200, find(request, parameters), readReturnUrl(parameters));
  });

  app.post("/pay/:id", (request, response) => {
    const parameters = new Parameters(request.body);
    const intent = find(request, parameters);
    const returnUrl = readReturnUrl(parameters);
    const name = parameters.required("card");
    attempt(request, response, intent, returnUrl, () => {
      const card = /^(pm|tok)_/.test(name) ? cardByName(name) : cardByNumber(name);
      payments.confirm(intent, card, returnUrl);
    });
  });

  app.get("/authenticate/:id", (request, response) => {
    const intent = find(request, new Parameters(request.query));
    if (intent.status !== "requires_action") return showPay(response, 200, intent, null);
    const buttons = [button("outcome", "approve", "Approve"), button("outcome", "fail", "Fail")];
    const text = `<p>Your bank asks: do you want to pay <b>${price(intent)}</b>?</p>`;
    send(
      response,
      200,
      "3-D Secure",
      text + form(`/authenticate/${intent.id}`, intent, null, buttons),
    );
  });

  app.post("/authenticate/:id", (request, response) => {
    const parameters = new Parameters(request.body);
    const intent = find(request, parameters);
    const outcome = parameters.choice("outcome", ["approve", "fail"]);
    if (!outcome) throw invalid("Missing required param: outcome.", { param: "outcome" });
    const returnUrl = intent.next_action?.redirect_to_url?.return_url ?? null;
    attempt(request, response, intent, returnUrl, () => {
      payments.authenticate(intent, outcome === "approve");
    });
  });
}

/** Takes a step, then answers in JSON, or leads the browser to where it goes next. */
function attempt(
  request: Request,
  response: Response,
  intent: Intent,
  returnUrl: string | null,
  step: () => void,
): void {
  const html = request.accepts(["json", "html"]) === "html";
  try {
    step();
  } catch (error) {
    if (!html || !(error instanceof SimulatedError)) throw error;
    showPay(response, error.status, intent, returnUrl, error.message);
    return;
  }
  const next = intent.next_action?.redirect_to_url?.url;
  if (!html) response.json(publicView(intent));
  else if (next) response.redirect(303, next);
  else if (returnUrl) response.redirect(303, returnAddress(returnUrl, intent));
  else showPay(response, 200, intent, null);
}

/** The return address with what Stripe adds to it. */
function returnAddress(returnUrl: string, intent: Intent): string {
  const url = new URL(returnUrl);
  const failed = intent.status === "requires_payment_method";
  url.searchParams.set("payment_intent", intent.id);
  url.searchParams.set("payment_intent_client_secret", intent.client_secret ?? "");
  url.searchParams.set("redirect_status", failed ? "failed" : "succeeded");
  return url.href;
}

function readReturnUrl(parameters: Parameters): string | null {
  const text = parameters.text("return_url");
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol)) return text;
  throw invalid("Not a valid URL", { code: "url_invalid", param: "return_url" });
}

const OUTCOMES: Readonly<Record<string, string>> = {
  succeeded: "Paid. You may close this page.",
  requires_capture: "Authorised: the money is held, and not yet taken.",
  processing: "The payment is being processed.",
  canceled: "This payment was cancelled.",
};

function showPay(
  response: Response,
  status: number,
  intent: Intent,
  returnUrl: string | null,
  error: string | undefined = intent.last_payment_error?.message,
): void {
  const outcome = OUTCOMES[intent.status];
  const about = intent.description ? `<p>${escapeHtml(intent.description)}</p>` : "";
  const wrong = error ? `<p class="error" role="alert">${escapeHtml(error)}</p>` : "";
  const buttons = TEST_CARDS.map((card) => {
    const number = card.number.replaceAll(/(\d{4})(?=\d)/g, "$1 ");
    return button("card", card.number, `${number} <small>${escapeHtml(card.label)}</small>`);
  });
  const rest = outcome
    ? `<p role="status">${outcome}</p>`
    : `${wrong}<p>Choose a test card:</p>${form(`/pay/${intent.id}`, intent, returnUrl, buttons)}`;
  send(response, status, `Pay ${price(intent)}`, about + rest);
}

function form(action: string, intent: Intent, returnUrl: string | null, buttons: string[]): string {
  const hidden = (name: string, value: string) =>
    `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`;
  const fields = hidden("client_secret", intent.client_secret ?? "");
  const back = returnUrl ? hidden("return_url", returnUrl) : "";
  return `<form method="post" action="${action}">${fields}${back}${buttons.join("")}</form>`;
}

function button(name: string, value: string, html: string): string {
  return `<button name="${name}" value="${value}">${html}</button>`;
}

/** The amount as a person reads it, with the currency's own number of decimals. */
function price({ amount, currency }: Intent): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  const decimals = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amount / 10 ** decimals);
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;
padding:0 1rem;color:#1a1f36}
button{display:block;width:100%;font:inherit;text-align:left;padding:.6rem .9rem;
margin:.4rem 0;border:1px solid #c1c9d2;border-radius:.4rem;background:#fff;cursor:pointer}
button:hover,button:focus{border-color:#5469d4}small{color:#697386;display:block}
.error{color:#b3093c}footer{color:#697386;font-size:.8rem;margin-top:2rem}`;

function send(response: Response, status: number, title: string, html: string): void {
  response.set("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
  response.set("referrer-policy", "no-referrer");
  response
    .status(status)
    .type("html")
    .send(`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>${title}</title>
<style>${STYLE}</style></head>
<body><h1>${title}</h1>${html}
<footer>Simulated Stripe: no money moves.</footer></body></html>`);
}
