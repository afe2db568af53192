/**
 * The page `/dev/mail`: the mails that the catcher has caught, for people as HTML without anything
 * from elsewhere, for programs as JSON. It must not be mounted where real mail is sent.
 */
import { type Request, type Response, Router } from "express";
import { type CaughtMail, LINK, readMail, readMailbox } from "./mailCatcher.ts";

/** A router for `/dev/mail`: `/` lists the newest mails, `/:id` shows one. */
export function createMailboxPage(mailboxDir: string): Router {
  const router = Router();
  router.use((_request, response, next) => {
    response.set({
      "cache-control": "no-store",
      // Mails hold what people wrote: nothing in them may run or tell anybody that it was read.
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    next();
  });
  router.get("/", async (request, response) => {
    const mails = await readMailbox(mailboxDir);
    if (wantsJson(request)) response.json({ mails: mails.map(summary) });
    else response.type("html").send(listPage(request.baseUrl, mails));
  });
  router.get("/:id", async (request, response) => {
    const mail = await readMail(mailboxDir, request.params.id);
    if (mail === undefined) notFound(request, response);
    else if (wantsJson(request)) response.json(mail);
    else response.type("html").send(mailPage(request.baseUrl, mail));
  });
  return router;
}

function wantsJson(request: Request): boolean {
  return request.accepts(["html", "json"]) === "json";
}

function notFound(request: Request, response: Response): void {
  response.status(404);
  if (wantsJson(request)) response.json({ error: "There is no such mail." });
  else response.type("html").send(page("No such mail", request.baseUrl, "<p>No such mail.</p>"));
}

function summary({ id, receivedAt, messageId, from, to, subject, links }: CaughtMail): object {
  return { id, receivedAt, messageId, from, to, subject, links };
}

function listPage(base: string, mails: readonly CaughtMail[]): string {
  if (mails.length === 0) {
    const hint = '<p class="empty">No mail yet. Whatever Staybase sends turns up here.</p>';
    return page("Mailbox", base, hint);
  }
  const rows = mails.map((mail) => {
    const excerpt = mail.text.replaceAll(/\s+/g, " ").trim().slice(0, 120);
    return `<li><a href="${base}/${mail.id}">
      <span class="to">${escaped(mail.to)}</span>
      <time datetime="${mail.receivedAt.toISOString()}">${when(mail.receivedAt)}</time>
      <strong>${escaped(mail.subject)}</strong>
      <span class="excerpt">${escaped(excerpt)}</span></a></li>`;
  });
  return page("Mailbox", base, `<ul class="mails">${rows.join("\n")}</ul>`);
}

function mailPage(base: string, mail: CaughtMail): string {
  const html =
    mail.html === undefined
      ? ""
      : `<h2>As HTML</h2><iframe title="The mail as HTML" sandbox="allow-popups"
          srcdoc="${escaped(`<base target="_blank">${mail.html}`)}"></iframe>`;
  const body = `<article>
    <h2>${escaped(mail.subject)}</h2>
    <dl><dt>From</dt><dd>${escaped(mail.from)}</dd>
      <dt>To</dt><dd>${escaped(mail.to)}</dd>
      <dt>Caught</dt><dd>${when(mail.receivedAt)}</dd>
      <dt>Message id</dt><dd>${escaped(mail.messageId ?? "none")}</dd></dl>
    <pre>${linked(mail.text)}</pre>${html}</article>`;
  return page(mail.subject, base, body);
}

/** Escaped text in which web addresses can be clicked. */
function linked(text: string): string {
  let html = "";
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const url = escaped(match[0]);
    html += `${escaped(text.slice(at, match.index))}<a href="${url}" rel="noreferrer">${url}</a>`;
    at = match.index + match[0].length;
  }
  return html + escaped(text.slice(at));
}

function when(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function escaped(text: string): string {
  const names: Record<string, string> = {
    "&": "amp",
    "<": "lt",
    ">": "gt",
    '"': "quot",
    "'": "#39",
  };
  return text.replaceAll(/[&<>"']/g, (character) => `&${names[character]};`);
}

const STYLE = `
  :root { color-scheme: light dark; --line: light-dark(#ddd, #444); --soft: light-dark(#666, #aaa);
    --back: light-dark(#f6f6f4, #1c1c1c); --card: light-dark(#fff, #262626);
    --link: light-dark(#0b5c8a, #7cc4ee); }
  body { margin: 0; background: var(--back); font: 16px/1.5 system-ui, sans-serif; }
  header, main { max-width: 52rem; margin: 0 auto; padding: 1rem; }
  header { display: flex; gap: 1rem; align-items: baseline; justify-content: space-between; }
  h1 { font-size: 1.25rem; margin: 0; } h1 a { color: inherit; text-decoration: none; }
  h2 { font-size: 1.1rem; overflow-wrap: anywhere; }
  a { color: var(--link); }
  .mails { list-style: none; margin: 0; padding: 0; }
  .mails a { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem;
    padding: .75rem 1rem; color: inherit; text-decoration: none; background: var(--card);
    border: 1px solid var(--line); margin-bottom: -1px; }
  .mails a:hover, .mails a:focus-visible { outline: 2px solid var(--link); outline-offset: -2px; }
  .mails strong, .excerpt { grid-column: 1 / -1; overflow-wrap: anywhere; }
  .to { overflow-wrap: anywhere; } time, .excerpt, dt, .empty { color: var(--soft); }
  article { background: var(--card); border: 1px solid var(--line); padding: 1rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0 0 1rem; }
  dd { margin: 0; overflow-wrap: anywhere; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding-top: 1rem;
    border-top: 1px solid var(--line); }
  iframe { width: 100%; height: 30rem; border: 1px solid var(--line); background: #fff; }`;

function page(title: string, base: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)} - Staybase mailbox</title><style>${STYLE}</style></head>
<body><header><h1><a href="${base}/">Mailbox</a></h1><a href="${base}/">All mails</a></header>
<main>${body}</main></body></html>`;
}
