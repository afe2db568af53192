/**
 * A mail server that delivers nothing: it writes each mail as a file into a folder, and reads that
 * folder again. The page that shows the mails is mailboxPage.ts.
 */
import { randomBytes } from "node:crypto";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type AddressObject, simpleParser } from "mailparser";
import { SMTPServer, type SMTPServerDataStream } from "smtp-server";
import type { Logger } from "../resources/logger.ts";
import { codeOf, messageOf, ResourceError } from "../resources/resourceError.ts";
import { makeFolder, tryFolder } from "./dataFolder.ts";

export interface MailCatcherOptions {
  /** The folder for the mails; made where it is missing. */
  readonly dir: string;
  /** 0 or none takes any free port. */
  readonly port?: number;
  readonly logger?: Logger;
}

export interface MailCatcher {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** A caught mail, parsed. */
export interface CaughtMail {
  /** The name of its file without `.eml`; later mails have greater ids. */
  readonly id: string;
  readonly receivedAt: Date;
  readonly messageId: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | undefined;
  /** The web addresses in the text, in their order, each once. */
  readonly links: readonly string[];
}

/** Older mails are removed. */
const MOST_KEPT = 500;
const MOST_BYTES = 10_000_000;

/** Starts the catcher on 127.0.0.1. */
export async function startMailCatcher(options: MailCatcherOptions): Promise<MailCatcher> {
  prepareMailbox(options.dir);
  let counter = 0;
  const server = new SMTPServer({
    banner: "Staybase mail catcher",
    disabledCommands: ["AUTH", "STARTTLS"],
    authOptional: true,
    disableReverseLookup: true,
    size: MOST_BYTES,
    maxClients: 50,
    logger: false,
    onData: (stream, _session, callback) => {
      counter += 1;
      keep(stream, options.dir, counter).then(() => callback(), callback);
    },
  });
  // A client that hangs up in the middle is nobody's trouble but its own.
  server.on("error", (error) => options.logger?.debug({ err: error }, "mail catcher"));
  const port = await new Promise<number>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", () => {
      server.server.off("error", reject);
      resolve((server.server.address() as AddressInfo).port);
    });
  });
  return {
    url: `smtp://127.0.0.1:${port}?ignoreTLS=true`,
    port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function prepareMailbox(dir: string): void {
  try {
    makeFolder(dir);
    tryFolder(dir);
  } catch (cause) {
    const message =
      `The mailbox folder ${dir} cannot be used: ${messageOf(cause)}. Make it writable, or set ` +
      "MAILBOX_DIR to another folder.";
    throw new ResourceError("MAILBOX_DIR_UNUSABLE", message, { cause });
  }
}

async function keep(stream: SMTPServerDataStream, dir: string, counter: number): Promise<void> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MOST_BYTES) chunks.push(chunk);
  }
  if (bytes > MOST_BYTES) {
    throw Object.assign(new Error(`A mail may have ${MOST_BYTES} bytes.`), { responseCode: 552 });
  }
  const time = new Date().toISOString().replaceAll(":", "-");
  const name = `${time}-${String(counter).padStart(6, "0")}`;
  const draft = join(dir, `.${name}-${randomBytes(3).toString("hex")}.tmp`);
  makeFolder(dir);
  await writeFile(draft, Buffer.concat(chunks), { mode: 0o600 });
  await rename(draft, join(dir, `${name}.eml`));
  const ids = await idsIn(dir);
  for (const id of ids.slice(MOST_KEPT)) await rm(join(dir, `${id}.eml`), { force: true });
}

/** The newest mails first; an empty or missing folder has none. `limit` is 100 unless given. */
export async function readMailbox(
  dir: string,
  options: { readonly limit?: number } = {},
): Promise<CaughtMail[]> {
  const mails: CaughtMail[] = [];
  for (const id of (await idsIn(dir)).slice(0, options.limit ?? 100)) {
    const mail = await readMail(dir, id);
    if (mail !== undefined) mails.push(mail);
  }
  return mails;
}

/** One mail; `undefined` where there is none of that id. */
export async function readMail(dir: string, id: string): Promise<CaughtMail | undefined> {
  // The id comes from a URL and becomes a path.
  if (!ID.test(id)) return undefined;
  try {
    return await parse(id, await readFile(join(dir, `${id}.eml`)));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

const ID = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d\.\d{3}Z)-\d{6,}$/;

/** The ids in a folder, the newest first. */
async function idsIn(dir: string): Promise<string[]> {
  try {
    const names = await readdir(dir);
    const ids = names.filter((name) => name.endsWith(".eml")).map((name) => name.slice(0, -4));
    return ids
      .filter((id) => ID.test(id))
      .sort()
      .reverse();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function parse(id: string, source: Buffer): Promise<CaughtMail> {
  const mail = await simpleParser(source, { skipImageLinks: true, skipTextLinks: true });
  const text = mail.text ?? "";
  return {
    id,
    receivedAt: new Date(id.replace(ID, "$1:$2:$3")),
    messageId: mail.messageId,
    from: mail.from?.text ?? "",
    to: addresses(mail.to),
    subject: mail.subject ?? "(no subject)",
    text,
    html: mail.html === false ? undefined : mail.html,
    links: [...new Set(text.match(LINK) ?? [])],
  };
}

/** A web address in plain text; a full stop behind it belongs to the sentence. */
export const LINK = /https?:\/\/[^\s<>"')\]]*[^\s<>"')\].,;:!?]/g;

function addresses(to: AddressObject | AddressObject[] | undefined): string {
  if (to === undefined) return "";
  return [to]
    .flat()
    .map((address) => address.text)
    .join(", ");
}
