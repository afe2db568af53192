/**
 * Claims about what a process shows and where it listens: logs without secrets, localhost on both
 * kinds of address, mail that arrives once as it was written.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import express from "express";
import { loadConfig } from "../../src/config/index.ts";
import { createMailboxPage } from "../../src/dev/mailboxPage.ts";
import { readMail, readMailbox, startMailCatcher } from "../../src/dev/mailCatcher.ts";
import { listen } from "../../src/resources/listen.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { openMailer } from "../../src/resources/mail.ts";
import { codeOf } from "../../src/resources/resourceError.ts";
import { createStripe } from "../../src/resources/stripe.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const code = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(() => undefined, codeOf);

describe("the logger", () => {
  test("writes no secret and no mail address, however deep", () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const logger = createLogger({ level: "info", name: "server", destination });
    const secret = "hunter2";
    logger.info({ password: secret, req: { headers: { authorization: secret, cookie: secret } } });
    logger.info({ res: { headers: { "set-cookie": [secret] } }, body: { refreshToken: secret } });
    logger.info({ headers: { "stripe-signature": secret }, intent: { client_secret: secret } });
    logger.info({ a: { b: { c: { token: secret, email: secret } } }, email: secret });
    const detail = `Key (email)=(${secret}) already exists.`;
    const cause = Object.assign(new Error("duplicate key"), { code: "23505", detail });
    logger.error({ err: new Error("outer", { cause }) }, "failed");
    expect(lines).toHaveLength(5);
    expect(lines.join("")).not.toContain(secret);
    expect(JSON.parse(lines[4] ?? "")).toMatchObject({
      level: "error",
      name: "server",
      err: { message: "outer", cause: { code: "23505" } },
    });
  });
});

describe("the standard output", () => {
  const LOGGER = new URL("../../src/resources/logger.ts", import.meta.url).href;
  /** What a process has written when it says so on its errors, and in the end. */
  async function run(
    body: string,
    signal?: NodeJS.Signals,
  ): Promise<{ early: string; all: string }> {
    const code = `import { createLogger } from "${LOGGER}"; import { writeSync } from "node:fs";
      const logger = createLogger({ level: "info" });
      const say = () => writeSync(2, "now");
      ${body}`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code]);
    let all = "";
    let early = "";
    child.stdout.on("data", (chunk: Buffer) => {
      all += chunk.toString();
    });
    child.stderr.once("data", () => {
      // What was written before comes before, on its own way.
      setTimeout(() => {
        early = all;
        if (signal !== undefined) child.kill(signal);
      }, 100);
    });
    await once(child, "close");
    return { early, all };
  }
  const messagesOf = (text: string): unknown[] =>
    text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).msg]));

  test("has an error at once, with what was before it", async () => {
    const { early } = await run(
      `logger.info("first"); logger.error("second"); say();
      setTimeout(() => process.exit(0), 5000);`,
      "SIGKILL",
    );
    expect(messagesOf(early)).toEqual(["first", "second"]);
  });

  test("has all of a process that ends, and what is old of one that is killed", async () => {
    const ended = await run('logger.info("first"); logger.info("second"); say(); process.exit(3);');
    expect(messagesOf(ended.all)).toEqual(["first", "second"]);
    const crashed = await run('logger.info("first"); say(); throw new Error("unexpected");');
    expect(messagesOf(crashed.all)).toEqual(["first"]);
    const killed = await run(
      `logger.info("first"); setTimeout(say, 400);
      setTimeout(() => process.exit(0), 5000);`,
      "SIGKILL",
    );
    expect(messagesOf(killed.all)).toEqual(["first"]);
  });

  test("may be closed by whoever reads it, and the process goes on to its end", async () => {
    const code = `import { createLogger } from "${LOGGER}";
      const logger = createLogger({ level: "info" });
      logger.error("first");
      setTimeout(() => { logger.info("second"); logger.error("third"); }, 300);
      setTimeout(() => { logger.info("fourth"); process.exit(7); }, 800);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code]);
    cleanups.push(() => child.kill("SIGKILL"));
    child.stdout.once("data", () => child.stdout.destroy());
    expect(await once(child, "close")).toEqual([7, null]);
  });

  test("has lines as they were logged, whole, also when there are many", async () => {
    const { all } = await run(
      `for (let index = 0; index < 5000; index += 1) logger.info(String(index));`,
    );
    expect(messagesOf(all)).toEqual(Array.from({ length: 5000 }, (_item, index) => String(index)));
  });
});

describe("listen", () => {
  test("answers on IPv4 and IPv6 and says when the port is taken", async () => {
    const open = async (port: number): Promise<number> => {
      const listening = await listen(
        () => createServer((_request, response) => response.end("here")),
        { hosts: ["127.0.0.1", "::1"], port },
      );
      cleanups.push(() => listening.close(0));
      return listening.port;
    };
    const port = await open(0);
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("here");
    expect(await (await fetch(`http://localhost:${port}`)).text()).toBe("here");
    expect(await code(open(port))).toBe("PORT_TAKEN");
    const elsewhere = { hosts: ["192.0.2.1"], port: 0 };
    expect(await code(listen(() => createServer(), elsewhere))).toBe("ADDRESS_UNUSABLE");
  });
});

describe("the Stripe clients", () => {
  test("talk to the simulator where there is one, and to Stripe where there is none", () => {
    const keys = { secretKey: "sk_test_x", publishableKey: "pk_x", webhookSecrets: ["whsec_x"] };
    const here = createStripe({ stripe: { ...keys, apiUrl: "http://127.0.0.1:12111" } });
    expect(here.requests.getApiField("host")).toBe("127.0.0.1");
    expect(here.requests.getApiField("port")).toBe("12111");
    expect(here.requests.getApiField("timeout")).toBe(8000);
    expect(here.jobs.getApiField("timeout")).toBe(30_000);
    const real = createStripe({ stripe: { ...keys, apiUrl: undefined } });
    expect(real.jobs.getApiField("host")).toBe("api.stripe.com");
  });
});

describe("mail", () => {
  async function caught(): Promise<{ dir: string; url: string }> {
    const dir = mkdtempSync(join(tmpdir(), "staybase-mail-"));
    cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
    const catcher = await startMailCatcher({ dir });
    cleanups.push(() => catcher.close());
    return { dir, url: catcher.url };
  }

  async function mailerTo(url: string): Promise<ReturnType<typeof openMailer>> {
    const config = loadConfig({ MAIL_FROM: "Staybase <no-reply@staybase.example>" });
    const mailer = openMailer({ mail: { ...config.mail, smtpUrl: url } });
    cleanups.push(() => mailer.dispose());
    return mailer;
  }

  const mail = {
    to: "zoe@example.com",
    subject: "Your stay in Zürich",
    text: "Confirm: http://localhost:4000/v1/confirm?token=abc.\n<script>alert(1)</script>",
    html: "<p>Hello</p><script>alert(2)</script>",
    messageId: "<booking-1@staybase.example>",
  };

  test("is caught as it was sent", async () => {
    const { dir, url } = await caught();
    await (await mailerTo(url)).send(mail);
    const [found, ...others] = await readMailbox(dir);
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      to: mail.to,
      subject: mail.subject,
      messageId: mail.messageId,
      links: ["http://localhost:4000/v1/confirm?token=abc"],
    });
    expect(found?.text.trim()).toBe(mail.text);
    expect(readdirSync(dir)[0]).toMatch(/Z-000001\.eml$/);
    expect(Date.now() - (found?.receivedAt.getTime() ?? 0)).toBeLessThan(60_000);
  });

  test("cannot smuggle further recipients or headers", async () => {
    const { dir, url } = await caught();
    const mailer = await mailerTo(url);
    await mailer.send({ ...mail, subject: "one\r\nBcc: eve@example.com" });
    const [found] = await readMailbox(dir);
    expect(found?.to).toBe(mail.to);
    expect(await code(mailer.send({ ...mail, to: "no address" }))).toBe("MAIL_REFUSED");
  });

  test("fails with a code that says whether repeating may help", async () => {
    const mailer = await mailerTo("smtp://127.0.0.1:1");
    expect(await code(mailer.send(mail))).toBe("MAIL_FAILED");
  });

  test("is read by no path outside its folder", async () => {
    const { dir } = await caught();
    for (const id of ["../../etc/passwd", "..%2f..", "", "2026-01-01T00-00-00.000Z-000001"]) {
      expect(await readMail(dir, id)).toBeUndefined();
    }
    expect(await readMailbox(join(dir, "missing"))).toEqual([]);
  });

  test("is shown as a page in which nothing runs, and as JSON", async () => {
    const { dir, url } = await caught();
    await (await mailerTo(url)).send({ ...mail, subject: "<img src=x onerror=alert(3)>" });
    const app = express().use("/dev/mail", createMailboxPage(dir));
    const listening = await listen(() => createServer(app), { hosts: ["127.0.0.1"], port: 0 });
    const { port } = listening;
    cleanups.push(() => listening.close(0));
    const base = `http://127.0.0.1:${port}/dev/mail`;
    const json = { headers: { accept: "application/json" } };
    const { mails } = (await (await fetch(base, json)).json()) as { mails: { id: string }[] };
    const path = `${base}/${mails[0]?.id}`;
    expect(await (await fetch(path, json)).json()).toMatchObject({ to: mail.to });
    for (const address of [base, path]) {
      const response = await fetch(address, { headers: { accept: "text/html" } });
      const html = await response.text();
      expect(html).not.toMatch(/<script|<img/);
      expect(html).toContain("&#60;img src=x");
      expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
    const html = await (await fetch(path, { headers: { accept: "text/html" } })).text();
    expect(html).toContain('<a href="http://localhost:4000/v1/confirm?token=abc"');
    expect((await fetch(`${base}/nothing`)).status).toBe(404);
  });
});
