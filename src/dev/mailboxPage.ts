/**
 * The page `/dev/mail`: the mails that the catcher has caught, for people as HTML without anything
 * from elsewhere, for programs as JSON. It must not be mounted where real mail is sent.
 */
import { type Request, type Response, Router } from "express";
import { escapeHtml, page } from "../http/html.ts";
import { type CaughtMail, LINK, readMail, readMailbox } from "./mailCatcher.ts";

/** A router for `/dev/mail`: `/` lists the newest mails, `/:id` shows one. */
export function createMailboxPage(mailboxDir: string): Router {
  const router = Router();
  router.use((_request, response, next) => {
    response.set({
      "cache-control": "no-store",
      // Mails hold what people wrote: nothing in them may run or tell anybody that it was read.
      "content-security-policy":
        "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
        "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
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
  else
    response
      .type("html")
      .send(mailboxPage("No such mail", request.baseUrl, "<p>No such mail.</p>"));
}

function summary({ id, receivedAt, messageId, from, to, subject, links }: CaughtMail): object {
  return { id, receivedAt, messageId, from, to, subject, links };
}

function listPage(base: string, mails: readonly CaughtMail[]): string {
  if (mails.length === 0) {
    const hint = '<p class="soft">No mail yet. Whatever Staybase sends turns up here.</p>';
    return mailboxPage("Mailbox", base, hint);
  }
  const rows = mails.map((mail) => {
    const excerpt = mail.text.replaceAll(/\s+/g, " ").trim().slice(0, 120);
    return `<li><a href="${base}/${mail.id}">
      <span class="to">${escapeHtml(mail.to)}</span>
      <time datetime="${mail.receivedAt.toISOString()}">${when(mail.receivedAt)}</time>
      <strong>${escapeHtml(mail.subject)}</strong>
      <span class="excerpt">${escapeHtml(excerpt)}</span></a></li>`;
  });
  return mailboxPage("Mailbox", base, `<ul class="mails">${rows.join("\n")}</ul>`);
}

function mailPage(base: string, mail: CaughtMail): string {
  const html =
    mail.html === undefined
      ? ""
      : `<h2>As HTML</h2><iframe title="The mail as HTML" sandbox="allow-popups"
          srcdoc="${escapeHtml(`<base target="_blank">${mail.html}`)}"></iframe>`;
  const body = `<article class="card">
    <h2>${escapeHtml(mail.subject)}</h2>
    <dl><dt>From</dt><dd>${escapeHtml(mail.from)}</dd>
      <dt>To</dt><dd>${escapeHtml(mail.to)}</dd>
      <dt>Caught</dt><dd>${when(mail.receivedAt)}</dd>
      <dt>Message id</dt><dd>${escapeHtml(mail.messageId ?? "none")}</dd></dl>
    <pre>${linked(mail.text)}</pre>${html}</article>`;
  return mailboxPage(mail.subject, base, body);
}

/** Escaped text in which web addresses can be clicked. */
function linked(text: string): string {
  let html = "";
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const url = escapeHtml(match[0]);
    html += escapeHtml(text.slice(at, match.index));
    html += `<a href="${url}" rel="noreferrer">${url}</a>`;
    at = match.index + match[0].length;
  }
  return html + escapeHtml(text.slice(at));
}

function when(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const STYLE = `<style>
.mails { list-style: none; margin: 0; padding: 0 }
.mails a { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .75rem 1rem;
  color: inherit; text-decoration: none; background: var(--card); border: 1px solid var(--line);
  margin-bottom: -1px }
.mails a:hover { background: var(--back) }
.mails strong, .excerpt { grid-column: 1 / -1 }
.to, .mails strong, .excerpt { overflow-wrap: anywhere }
time, .excerpt { color: var(--soft) }
.card h2 { margin-top: 0 }
h1 a { color: inherit; text-decoration: none }
.card pre { padding: 1rem 0 0; border: 0; border-top: 1px solid var(--line); border-radius: 0;
  white-space: pre-wrap; overflow-wrap: anywhere }
iframe { width: 100%; height: 30rem; border: 1px solid var(--line); background: #fff }
@media (max-width: 30rem) { .mails a { grid-template-columns: 1fr } }
</style>
`;

/** The page has a name that leads back to the list. */
function mailboxPage(title: string, base: string, content: string): string {
  const body = `<h1><a href="${base}/">Mailbox</a></h1>\n${content}`;
  return page({ title, body, head: STYLE });
}
