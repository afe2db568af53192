/**
 * Hands one mail to the mail server. It writes no mail: subject and text come from the job, and so
 * does the message id, which lets a repeated job be recognised as the same mail.
 */
import { createTransport } from "nodemailer";
import type { CompleteConfig } from "../config.ts";
import { messageOf, ResourceError } from "./resourceError.ts";

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
   * @throws {ResourceError} `MAIL_REFUSED` where repeating cannot help, `MAIL_FAILED` where it may
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
        const code = isPermanent(error) ? "MAIL_REFUSED" : "MAIL_FAILED";
        const message = `The mail was not taken over: ${messageOf(error)}`;
        throw new ResourceError(code, message, { cause: error });
      }
    },
    dispose: async () => transport.close(),
  };
}

/** SMTP answers 5xx for what will never work, and the library finds no recipient in nonsense. */
function isPermanent(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  if ("responseCode" in error && typeof error.responseCode === "number") {
    return error.responseCode >= 500;
  }
  return "code" in error && error.code === "EENVELOPE";
}
