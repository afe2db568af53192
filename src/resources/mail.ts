/**
 * Hands one mail to the mail server. It writes no mail: subject and text come from the job, and so
 * does the message id, which lets a repeated job be recognised as the same mail.
 */

import { createTransport } from "nodemailer";
import type { CompleteConfig } from "../config/index.ts";
import { numberIn, textIn } from "../values.ts";
import { ResourceError } from "./resourceError.ts";

export interface Mail {
  /** One address. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string | undefined;
  /** `<something@host>`, derived from the row that causes the mail, never from the attempt. */
  readonly messageId: string;
}

export interface Mailer {
  /**
   * Resolves when the server has taken the mail over.
   * @throws {ResourceError} `MAIL_REFUSED` where repeating cannot help, `MAIL_FAILED` where it may;
   *   the message has codes alone, for what mail servers write quotes addresses
   */
  send(mail: Mail): Promise<void>;
  dispose(): Promise<void>;
}

/** A pooled SMTP connection; it connects when the first mail is sent. */
export function openMailer(config: Pick<CompleteConfig, "mail">): Mailer {
  const transport = createTransport({
    url: config.mail.smtpUrl,
    pool: true,
    maxConnections: 2,
    connectionTimeout: 5000,
    greetingTimeout: 5000,
    socketTimeout: 15_000,
    // Mail text comes from people: it must never name a file or an address to be fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    send: async (mail) => {
      try {
        await transport.sendMail({
          from: config.mail.from,
          to: { name: "", address: mail.to },
          subject: mail.subject,
          text: mail.text,
          ...(mail.html === undefined ? {} : { html: mail.html }),
          messageId: mail.messageId,
        });
      } catch (error) {
        throw explain(error);
      }
    },
    dispose: async () => transport.close(),
  };
}

/** The error without its text, and without the original, which has it too. */
function explain(error: unknown): ResourceError {
  const facts = factsOf(error);
  const { code, originalCode, command, responseCode } = facts;
  const known = [code, originalCode, command, responseCode].filter((fact) => fact !== undefined);
  return new ResourceError(
    isPermanent(facts) ? "MAIL_REFUSED" : "MAIL_FAILED",
    `The mail was not taken over (${known.join(", ") || "for no known reason"}).`,
  );
}

interface SmtpFacts {
  /** Of the library, for example `EENVELOPE`. */
  readonly code: string | undefined;
  /** Of the system, for example `ECONNREFUSED`. */
  readonly originalCode: string | undefined;
  /** What we had said last, without its argument, for example `RCPT TO`. */
  readonly command: string | undefined;
  /** What the server answered, for example 550. */
  readonly responseCode: number | undefined;
}

function factsOf(error: unknown): SmtpFacts {
  const word = (name: string): string | undefined => {
    const value = textIn(error, name);
    return value !== undefined && /^[\w -]{1,40}$/.test(value) ? value : undefined;
  };
  return {
    code: word("code"),
    originalCode: word("originalCode"),
    command: word("command"),
    responseCode: numberIn(error, "responseCode"),
  };
}

/**
 * A 5xx about the recipient or the mail stays what it is, and the library finds no recipient in
 * nonsense. One about our login or our sender is ours to mend: the mail waits until then.
 */
function isPermanent({ code, command, responseCode }: SmtpFacts): boolean {
  if (responseCode === undefined) return code === "EENVELOPE";
  return responseCode >= 500 && (command === "RCPT TO" || command === "DATA");
}
