/**
 * Rules about several variables together: what contradicts, what production needs, and where a
 * value that everybody knows would open the door. A rule gives faults; it reads no environment.
 */
import { isLoopback, isThisMachine, mayBePlain } from "./parsers.ts";
import {
  DEVELOPMENT_FACTOR_KEY,
  DEVELOPMENT_JWT_KEY,
  SIMULATOR_STRIPE_KEYS,
  type Values,
  type Variable,
  type VariableName,
  variables,
} from "./variables.ts";

/** One fault of the configuration: which variable, and a sentence that says what to do. */
export interface ConfigFault {
  readonly variable: string;
  readonly problem: string;
}

const APP_PATHS = [
  "APP_CONFIRM_PATH",
  "APP_RESET_PATH",
  "APP_EMAIL_PATH",
  "APP_EXPORT_PATH",
  "APP_SIGN_IN_PATH",
  "APP_BOOKING_PATH",
] as const;

/** What makes no sense together. */
export function contradictions(
  values: Values,
  given: (name: VariableName) => boolean,
): ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (given("ROOT_DATABASE_URL") && !given("DATABASE_URL")) {
    const problem = "is set without DATABASE_URL. Set both, or neither for the embedded one.";
    faults.push({ variable: "ROOT_DATABASE_URL", problem });
  }
  for (const variable of APP_PATHS) {
    const isOwn = values[variable] !== variables[variable].fallback(values.NODE_ENV);
    if (!isOwn || given("APP_URL")) continue;
    const problem = "is set without APP_URL. Set both; APP_URL may be the same as PUBLIC_URL.";
    faults.push({ variable, problem });
  }
  const stripe = ["STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET"] as const;
  const absent = stripe.filter((name) => !given(name));
  const some = absent.length < stripe.length || given("STRIPE_API_URL");
  // Production without stand-ins needs each of them anyway, and says so.
  if (some && (values.NODE_ENV !== "production" || values.ALLOW_STAND_INS)) {
    const problem = "is missing. Set all three Stripe keys, or none of them for the simulator.";
    for (const variable of absent) faults.push({ variable, problem });
  }
  const roles = ["OWNER", "AUTHENTICATOR", "VISITOR", "OPERATOR"] as const;
  const seen = new Set<string>();
  for (const role of roles) {
    const variable = `DATABASE_${role}` as const;
    const name = values[variable];
    const problem = "is the name of another role too. Give each of the four roles its own name.";
    if (seen.has(name)) faults.push({ variable, problem });
    seen.add(name);
  }
  return faults;
}

/** What production lacks, and what it may not have. */
export function productionFaults(
  values: Values,
  given: (name: VariableName) => boolean,
): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const standIns = values.ALLOW_STAND_INS;
  for (const name of Object.keys(variables) as VariableName[]) {
    const { production, example }: Variable<unknown> = variables[name];
    const needed = production === "always" || (production === "unless stand-ins" && !standIns);
    if (!needed || given(name)) continue;
    const hint = example === undefined ? "" : `, for example ${example}`;
    const way = production === "always" ? "" : " ALLOW_STAND_INS=true does without.";
    faults.push({ variable: name, problem: `must be set in production${hint}.${way}` });
  }
  if (given("STRIPE_API_URL") && !standIns) {
    const problem = "must be empty in production: payments belong to Stripe itself.";
    faults.push({ variable: "STRIPE_API_URL", problem });
  }
  faults.push(...wrongMode(values));
  for (const variable of ["PUBLIC_URL", "APP_URL"] as const) {
    const url = values[variable];
    if (!url?.startsWith("http:") || isThisMachine(url)) continue;
    const problem = `must start with https:// in production: passwords go there. It is "${url}".`;
    faults.push({ variable, problem });
  }
  const plain = values.OIDC_PROVIDERS.filter(({ issuer }) => !issuer.startsWith("https:"));
  for (const { name } of plain) {
    const problem = `must have issuers with https:// in production. That of ${name} has not.`;
    faults.push({ variable: "OIDC_PROVIDERS", problem });
  }
  if (values.SMTP_URL !== undefined && mayBePlain(values.SMTP_URL)) {
    const problem =
      "may send mails unencrypted. Write smtps://, or add ?requireTLS=true; ?ignoreTLS=true says " +
      "that the way to the mail server is safe.";
    faults.push({ variable: "SMTP_URL", problem });
  }
  return faults;
}

/** Keys of Stripe's other mode: guests would pay with play money, or testers with real money. */
function wrongMode(values: Values): ConfigFault[] {
  if (values.ALLOW_STAND_INS) return [];
  const mode = values.STAGING ? "live" : "test";
  return (["STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"] as const)
    .filter((variable) => new RegExp(`^[a-z]+_${mode}_`).test(values[variable] ?? ""))
    .map((variable) => ({
      variable,
      problem: values.STAGING
        ? "is a live key, and STAGING says that nobody pays here. Take a test key."
        : "is a test key, with which nobody pays. Take a live key; STAGING=true says that this " +
          "system is for trying things out.",
    }));
}

/**
 * Why others than the person at this machine are concerned, as the beginning of a sentence;
 * `undefined` when nobody else is. It does not ask for NODE_ENV alone, which is easily forgotten.
 * A provider of OIDC_PROVIDERS lets nobody else in: Google can be tried on one's own machine.
 */
export function reachesBeyond(
  values: Values,
  given: (name: VariableName) => boolean,
): string | undefined {
  if (values.NODE_ENV === "production") return "This is production";
  const open = values.HOST.find((host) => !isLoopback(host));
  if (open !== undefined) return `HOST lets others in (${open})`;
  const addresses = ["PUBLIC_URL", "APP_URL", "DATABASE_URL", "REDIS_URL", "SMTP_URL"] as const;
  const real: VariableName | undefined =
    addresses.find((name) => !isThisMachine(values[name])) ?? realStripe(values, given);
  return real && `${real} is that of a real service`;
}

/**
 * Why others may be able to reach this server, though nothing that it uses is beyond this machine:
 * behind a proxy not even loopback means that nobody else comes.
 */
export function isReached({ TRUST_PROXY }: Values): string | undefined {
  return TRUST_PROXY === false ? undefined : "TRUST_PROXY says that others come by a proxy";
}

/** The variable that shows that payments go to Stripe itself, in live mode or in test mode. */
function realStripe(
  values: Values,
  given: (name: VariableName) => boolean,
): VariableName | undefined {
  if (/^[sr]k_live_/.test(values.STRIPE_SECRET_KEY ?? "")) return "STRIPE_SECRET_KEY";
  if (/^pk_live_/.test(values.STRIPE_PUBLISHABLE_KEY ?? "")) return "STRIPE_PUBLISHABLE_KEY";
  if (!isThisMachine(values.STRIPE_API_URL)) return "STRIPE_API_URL";
  const toStripe = given("STRIPE_WEBHOOK_SECRET") && !given("STRIPE_API_URL");
  return toStripe ? "STRIPE_WEBHOOK_SECRET" : undefined;
}

/**
 * Values of development that everybody knows, where `beyond` says that others are concerned: those
 * that let somebody in also where a proxy does.
 */
export function knownDefaults(
  values: Values,
  given: (name: VariableName) => boolean,
  beyond: string | undefined,
): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const reached = beyond ?? isReached(values);
  if (reached !== undefined && given("SEED_DEMO") && values.SEED_DEMO) {
    const problem = `adds an operator whose password everybody knows. ${reached}: leave it empty.`;
    faults.push({ variable: "SEED_DEMO", problem });
  }
  const known: Readonly<Partial<Record<VariableName, unknown>>> = {
    JWT_KEYS: DEVELOPMENT_JWT_KEY,
    FACTOR_KEYS: DEVELOPMENT_FACTOR_KEY,
    STRIPE_SECRET_KEY: SIMULATOR_STRIPE_KEYS.secretKey,
    STRIPE_PUBLISHABLE_KEY: SIMULATOR_STRIPE_KEYS.publishableKey,
    STRIPE_WEBHOOK_SECRET: SIMULATOR_STRIPE_KEYS.webhookSecret,
  };
  for (const variable of Object.keys(known) as VariableName[]) {
    const chosen: unknown[] = [values[variable]].flat();
    const why = variable === "JWT_KEYS" ? reached : beyond;
    if (why === undefined || !chosen.includes(known[variable])) continue;
    const { example }: Variable<unknown> = variables[variable];
    const problem = `is the default that everybody knows. ${why}: set your own, ${example}.`;
    faults.push({ variable, problem });
  }
  if (
    !isThisMachine(values.SMTP_URL) &&
    values.MAIL_FROM === variables.MAIL_FROM.fallback(values.NODE_ENV)
  ) {
    const problem = "is an invented address. SMTP_URL is that of a real service: set your own.";
    faults.push({ variable: "MAIL_FROM", problem });
  }
  return faults;
}
