/**
 * Looks at the services besides the database: Redis, Stripe and the mail server, each asked one
 * harmless question with a limit of five seconds. Nothing is changed, charged or sent.
 */
import { Redis } from "ioredis";
import { createTransport } from "nodemailer";
import { Stripe } from "stripe";
import { type CompleteConfig, type Config, redactUrl } from "../../config/index.ts";
import { bounded } from "../../resources/bounded.ts";
import { codeOf, messageOf } from "../../resources/resourceError.ts";
import { createStripe } from "../../resources/stripe.ts";
import { broken, type Finding, fine, note } from "./finding.ts";

const ASK_MS = 5000;

/** Whether Redis answers. Without it everything works, but limits are kept by each process. */
export async function checkRedis(url: string | undefined): Promise<Finding> {
  const subject = "Redis";
  if (url === undefined) {
    return fine(subject, "None is configured: each process keeps its own limits and revocations.");
  }
  const where = redactUrl(url);
  let cause: unknown;
  const client = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: ASK_MS,
  });
  client.on("error", (error: unknown) => {
    cause = error;
  });
  try {
    await bounded(ASK_MS, "Redis", client.ping());
    return fine(subject, `${where} answers.`);
  } catch (error) {
    const code = codeOf(cause ?? error);
    const why = code === undefined ? messageOf(cause ?? error) : code;
    return broken(
      subject,
      `${where} cannot be used: ${why}.`,
      "Start it, or correct REDIS_URL. Until then each process keeps its own rate limits.",
    );
  } finally {
    client.disconnect();
  }
}

/** Whether Stripe, or its simulator, takes our key: lists one PaymentIntent. */
export async function checkStripe(stripe: CompleteConfig["stripe"]): Promise<Finding> {
  const subject = "Stripe";
  const { apiUrl } = stripe;
  const where = apiUrl === undefined ? "api.stripe.com" : `the simulator at ${redactUrl(apiUrl)}`;
  const client = createStripe({ stripe }).requests;
  try {
    const question = client.paymentIntents.list({ limit: 1 }, { timeout: ASK_MS });
    await bounded(2 * ASK_MS, "Stripe", question);
  } catch (error) {
    return explainStripe(error, where);
  }
  const isTest = /^[a-z]+_test_/.test(stripe.secretKey);
  return fine(subject, `${where} takes the key${isTest ? " (test mode: no real money)" : ""}.`);
}

/** Stripe's own sentences quote a part of the key, so none of them is passed on. */
function explainStripe(error: unknown, where: string): Finding {
  const subject = "Stripe";
  if (error instanceof Stripe.errors.StripeAuthenticationError) {
    const remedy = "Copy STRIPE_SECRET_KEY anew from https://dashboard.stripe.com/apikeys.";
    return broken(subject, `${where} refuses the key.`, remedy);
  }
  if (error instanceof Stripe.errors.StripePermissionError) {
    const remedy = "Let the restricted key write PaymentIntents and Refunds, or use a secret key.";
    return broken(subject, `${where} does not let this key see PaymentIntents.`, remedy);
  }
  if (error instanceof Stripe.errors.StripeError && error.statusCode !== undefined) {
    const sentence = `${where} answers ${error.statusCode} (${error.type}).`;
    return broken(subject, sentence, "See https://status.stripe.com, and try again.");
  }
  const remedy = "Check the network and STRIPE_API_URL. Payments wait until it is back.";
  return broken(subject, `${where} cannot be reached.`, remedy);
}

/** Whether the mail server greets us and takes our name and password. */
export async function checkMail(mail: CompleteConfig["mail"]): Promise<Finding> {
  const subject = "mail";
  const where = redactUrl(mail.smtpUrl);
  const transport = createTransport({
    url: mail.smtpUrl,
    connectionTimeout: ASK_MS,
    greetingTimeout: ASK_MS,
    socketTimeout: ASK_MS,
  });
  try {
    await bounded(3 * ASK_MS, "The mail server", transport.verify());
    return fine(subject, `${where} greets us.`);
  } catch (error) {
    if (codeOf(error) === "EAUTH") {
      const remedy = "Correct the name and the password in SMTP_URL.";
      return broken(subject, `${where} refuses the login.`, remedy);
    }
    return broken(
      subject,
      `${where} cannot be used: ${codeOf(error) ?? "no answer"}.`,
      "Correct SMTP_URL, or start the mail server. Mails wait in the queue until then.",
    );
  } finally {
    transport.close();
  }
}

/** What of the configuration deserves a second look although it is allowed. */
export function checkSettings(config: Config): Finding[] {
  if (config.environment !== "production") return [];
  const findings: Finding[] = [];
  const { publicUrl } = config.http;
  if (!publicUrl.startsWith("https://")) {
    const remedy = "Set PUBLIC_URL to the https address that people use.";
    findings.push(note("public URL", `Links in mails lead to ${publicUrl}.`, remedy));
  }
  const { secretKey } = config.stripe;
  if (secretKey !== undefined && /^[a-z]+_test_/.test(secretKey)) {
    findings.push(note("Stripe mode", "Production runs on a test key: nobody really pays."));
  }
  return findings;
}
