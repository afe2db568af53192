/**
 * What a guest's browser meets: the pay page and the bank's 3-D Secure page, and the same by
 * curl, which is answered in JSON. Only the client secret opens them; no script is needed.
 */

import type { Express, Request, Response } from "express";
import type Stripe from "stripe";
import { escapeHtml } from "../../http/html.ts";
import type { ApiContext } from "./api.ts";
import { cardByNumber, TEST_CARDS } from "./cards.ts";
import { invalid, SimulatedError } from "./errors.ts";
import { Parameters } from "./parameters.ts";
import { type Means, publicView } from "./payments.ts";
import { meansByName, publicSetup } from "./setups.ts";
import type { State } from "./state.ts";

type Intent = Stripe.PaymentIntent;
type Setup = Stripe.SetupIntent;

const FRONT = `<p>It stands in for Stripe: the API is at <code>/v1</code>, for the real SDK. A guest
pays at <code>/pay/ID?client_secret=SECRET</code>, with the <code>stripePaymentIntentId</code> and
the <code>clientSecret</code> that <code>POST /v1/bookings/{bookingId}/payment</code> gives.</p>
<p>It can be told to decline, delay, drop and repeat: see src/dev/stripe/README.md.</p>`;

/** `GET /`, and `GET` and `POST` of `/pay/:id`, `/setup/:id` and `/authenticate/:id`. */
export function installPages(app: Express, { payments, setups, state }: ApiContext): void {
  const keeping = async (step: () => void): Promise<void> => {
    try {
      step();
    } finally {
      await state.saved();
    }
  };
  const find = (request: Request, parameters: Parameters): Intent | Setup => {
    const [id, secret] = [String(request.params.id), parameters.required("client_secret")];
    return id.startsWith("seti_")
      ? setups.setupOfClient(id, secret)
      : payments.intentOfClient(id, secret);
  };

  app.get("/", (_request, response) => send(response, 200, "The Stripe simulator", FRONT));

  app.get(["/pay/:id", "/setup/:id"], (request, response) => {
    const parameters = new Parameters(request.query);
    showPay(response, 200, find(request, parameters), readReturnUrl(parameters));
  });

  app.post(["/pay/:id", "/setup/:id"], async (request, response) => {
    const parameters = new Parameters(request.body);
    const intent = find(request, parameters);
    const returnUrl = readReturnUrl(parameters);
    const name = parameters.required("card");
    const confirm = (): void => {
      const means = meansOf(state, name);
      if (isSetup(intent)) setups.confirm(intent, means.card, returnUrl);
      else payments.confirm(intent, means, { returnUrl });
    };
    await attempt(request, response, intent, returnUrl, () => keeping(confirm));
  });

  app.get("/authenticate/:id", (request, response) => {
    const intent = find(request, new Parameters(request.query));
    if (intent.status !== "requires_action") return showPay(response, 200, intent, null);
    const buttons = [button("outcome", "approve", "Approve"), button("outcome", "fail", "Fail")];
    const text = `<p>Your bank asks: do you want to ${purpose(intent)}?</p>`;
    send(
      response,
      200,
      "3-D Secure",
      text + form(`/authenticate/${intent.id}`, intent, null, buttons),
    );
  });

  app.post("/authenticate/:id", async (request, response) => {
    const parameters = new Parameters(request.body);
    const intent = find(request, parameters);
    const outcome = parameters.choice("outcome", ["approve", "fail"]);
    if (!outcome) throw invalid("Missing required param: outcome.", { param: "outcome" });
    const returnUrl = intent.next_action?.redirect_to_url?.return_url ?? null;
    const answer = (): void =>
      void (isSetup(intent)
        ? setups.authenticate(intent, outcome === "approve")
        : payments.authenticate(intent, outcome === "approve"));
    await attempt(request, response, intent, returnUrl, () => keeping(answer));
  });
}

/** A test card by number or name, or a saved payment method. */
function meansOf(state: State, name: string): Means {
  return /^(pm|tok)_/.test(name) ? meansByName(state, name) : { card: cardByNumber(name) };
}

const isSetup = (intent: Intent | Setup): intent is Setup => intent.object === "setup_intent";

/** What the guest is asked to do, as a part of a sentence. */
function purpose(intent: Intent | Setup): string {
  return isSetup(intent) ? "keep this card for later" : `pay <b>${price(intent)}</b>`;
}

/** Takes a step, then answers in JSON, or leads the browser to where it goes next. */
async function attempt(
  request: Request,
  response: Response,
  intent: Intent | Setup,
  returnUrl: string | null,
  step: () => Promise<void>,
): Promise<void> {
  const html = request.accepts(["json", "html"]) === "html";
  try {
    await step();
  } catch (error) {
    if (!html || !(error instanceof SimulatedError)) throw error;
    showPay(response, error.status, intent, returnUrl, error.message);
    return;
  }
  const next = intent.next_action?.redirect_to_url?.url;
  if (!html) response.json(isSetup(intent) ? publicSetup(intent) : publicView(intent));
  else if (next) response.redirect(303, next);
  else if (returnUrl) response.redirect(303, returnAddress(returnUrl, intent));
  else showPay(response, 200, intent, null);
}

/** The return address with what Stripe adds to it. */
function returnAddress(returnUrl: string, intent: Intent | Setup): string {
  const url = new URL(returnUrl);
  const failed = intent.status === "requires_payment_method";
  url.searchParams.set(intent.object, intent.id);
  url.searchParams.set(`${intent.object}_client_secret`, intent.client_secret ?? "");
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

const SETUP_OUTCOMES: Readonly<Record<string, string>> = {
  succeeded: "Your card is kept. You may close this page.",
  canceled: "No card is kept any more.",
};

function showPay(
  response: Response,
  status: number,
  intent: Intent | Setup,
  returnUrl: string | null,
  error: string | undefined = errorOf(intent),
): void {
  const outcome = isSetup(intent) ? SETUP_OUTCOMES[intent.status] : OUTCOMES[intent.status];
  const about = intent.description ? `<p>${escapeHtml(intent.description)}</p>` : "";
  const wrong = error ? `<p class="error" role="alert">${escapeHtml(error)}</p>` : "";
  const buttons = TEST_CARDS.map((card) => {
    const number = card.number.replaceAll(/(\d{4})(?=\d)/g, "$1 ");
    return button("card", card.number, `${number} <small>${escapeHtml(card.label)}</small>`);
  });
  const action = `/${isSetup(intent) ? "setup" : "pay"}/${intent.id}`;
  const rest = outcome
    ? `<p role="status">${outcome}</p>`
    : `${wrong}<p>Choose a test card:</p>${form(action, intent, returnUrl, buttons)}`;
  const title = isSetup(intent) ? "Keep a card" : `Pay ${price(intent)}`;
  send(response, status, title, about + rest);
}

function errorOf(intent: Intent | Setup): string | undefined {
  return (isSetup(intent) ? intent.last_setup_error : intent.last_payment_error)?.message;
}

function form(
  action: string,
  intent: Intent | Setup,
  returnUrl: string | null,
  buttons: string[],
): string {
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
