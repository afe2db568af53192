/**
 * Claims about the configuration: what is refused, what is never shown, and that `.env.example`
 * and the table of variables say the same.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { describe, expect, test } from "@jest/globals";
import {
  ConfigError,
  DEVELOPMENT_FACTOR_KEY,
  DEVELOPMENT_JWT_KEY,
  describe as describeConfig,
  isComplete,
  loadConfig,
  missingServices,
  SIMULATOR_STRIPE_KEYS,
  variables,
} from "../../src/config/index.ts";
import { bookingLink, confirmLink } from "../../src/jobs/links.ts";
import { makeKey } from "../helpers/accessTokens.ts";
import { drawFrom } from "../helpers/generate.ts";

const example = readFileSync(new URL("../../.env.example", import.meta.url), "utf8");

const composeText = readFileSync(new URL("../../docker-compose.yml", import.meta.url), "utf8");

const production = {
  NODE_ENV: "production",
  PUBLIC_URL: "https://stay.example.com",
  DATABASE_URL: "postgres://app:correct-horse@db.internal/staybase",
  REDIS_URL: "redis://:battery-staple@cache.internal:6379",
  JWT_KEYS: makeKey(),
  FACTOR_KEYS: randomBytes(32).toString("base64"),
  STRIPE_SECRET_KEY: "sk_live_abcdefghijklmnop",
  STRIPE_PUBLISHABLE_KEY: "pk_live_abcdefghijklmnop",
  STRIPE_WEBHOOK_SECRET: "whsec_abcdefghijklmnop",
  SMTP_URL: "smtps://mailer:xkcd-936@smtp.internal:465",
  MAIL_FROM: "Staybase <no-reply@stay.example.com>",
};

function faultsOf(env: Record<string, string>): string[] {
  return errorOf(env).faults.map((fault) => fault.variable);
}

function errorOf(env: Record<string, string>): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("The configuration was accepted although it should have been refused.");
}

describe(".env.example", () => {
  const blocks = example.split(/\n\s*\n/).map((block) => block.trim());
  const entries = new Map<string, string>();
  for (const block of blocks) {
    const lines = block.split("\n");
    const name = /^([A-Z_]+)=/.exec(lines.at(-1) ?? "")?.[1];
    if (name === undefined) continue;
    const comment = lines.slice(0, -1).map((line) => line.replace(/^#\s?/, ""));
    entries.set(name, comment.join(" "));
  }

  test("names exactly the variables of src/config", () => {
    // When this fails: add the line to .env.example, or the variable to the table.
    expect([...entries.keys()].sort()).toEqual(Object.keys(variables).sort());
  });

  test("says the sentence of each variable", () => {
    for (const [name, variable] of Object.entries(variables)) {
      expect([name, entries.get(name)]).toEqual([name, variable.sentence]);
    }
  });

  test("shows the defaults: copying it changes nothing", () => {
    expect(loadConfig(parseEnv(example))).toEqual(loadConfig({}));
  });
});

describe("loadConfig", () => {
  test("needs nothing in development and lacks all four services", () => {
    const config = loadConfig({});
    expect(missingServices(config)).toEqual(["postgres", "stripe", "mail"]);
    expect(isComplete(config)).toBe(false);
    expect(config.http.hosts).toEqual(["127.0.0.1", "::1"]);
    expect(config.seedDemo).toBe(true);
  });

  test("accepts a complete production environment", () => {
    const config = loadConfig(production);
    expect(isComplete(config)).toBe(true);
    expect(config.http.hosts).toEqual(["0.0.0.0"]);
    expect(config.seedDemo).toBe(false);
    expect(config.allowStandIns).toBe(false);
  });

  test("reports every fault together", () => {
    const env = {
      PORT: "70000",
      LOG_LEVEL: "loud",
      DATABASE_POOL_SIZE: "-1",
      ALLOW_STAND_INS: "maybe",
      CORS_ORIGINS: "https://a.example/path",
    };
    expect(faultsOf(env).sort()).toEqual(Object.keys(env).sort());
  });

  test("never shows the value of a secret", () => {
    const secrets = {
      DATABASE_URL: "mysql://app:hunter2-database@db",
      ROOT_DATABASE_URL: "hunter2-root",
      REDIS_URL: "http://:hunter2-redis@cache",
      JWT_KEYS: "hunter2-keys",
      FACTOR_KEYS: "hunter2-factors",
      STRIPE_SECRET_KEY: "hunter2-stripe",
      STRIPE_WEBHOOK_SECRET: "hunter2-webhook",
      SMTP_URL: "ftp://me:hunter2-mail@smtp",
      OIDC_PROVIDERS: '[{"name": "a", "clientSecret": "hunter2-oidc", "hunter2-member": 1}]',
    };
    const error = errorOf({ ...secrets, STRIPE_PUBLISHABLE_KEY: "pk_x" });
    expect(error.faults.map((fault) => fault.variable).sort()).toEqual(Object.keys(secrets).sort());
    expect(error.message).not.toContain("hunter2");
  });

  test("production names each service and each name of its own that is not configured", () => {
    expect(faultsOf({ NODE_ENV: "production" }).sort()).toEqual([
      "DATABASE_URL",
      "FACTOR_KEYS",
      "JWT_KEYS",
      "MAIL_FROM",
      "PUBLIC_URL",
      "REDIS_URL",
      "SMTP_URL",
      "STRIPE_PUBLISHABLE_KEY",
      "STRIPE_SECRET_KEY",
      "STRIPE_WEBHOOK_SECRET",
    ]);
  });

  test("production with ALLOW_STAND_INS still needs a secret and names of its own", () => {
    const env = { NODE_ENV: "production", ALLOW_STAND_INS: "true" };
    expect(faultsOf(env).sort()).toEqual(["FACTOR_KEYS", "JWT_KEYS", "MAIL_FROM", "PUBLIC_URL"]);
    const { JWT_KEYS, FACTOR_KEYS, MAIL_FROM, PUBLIC_URL } = production;
    const own = { ...env, JWT_KEYS, FACTOR_KEYS, MAIL_FROM, PUBLIC_URL };
    expect(faultsOf({ ...own, JWT_KEYS: DEVELOPMENT_JWT_KEY })).toEqual(["JWT_KEYS"]);
    expect(loadConfig(own).allowStandIns).toBe(true);
  });

  test("production refuses the credentials and the address of the simulator", () => {
    const env = {
      ...production,
      STRIPE_SECRET_KEY: SIMULATOR_STRIPE_KEYS.secretKey,
      STRIPE_PUBLISHABLE_KEY: SIMULATOR_STRIPE_KEYS.publishableKey,
      STRIPE_WEBHOOK_SECRET: SIMULATOR_STRIPE_KEYS.webhookSecret,
      STRIPE_API_URL: "http://127.0.0.1:12111",
    };
    expect(faultsOf(env).sort()).toEqual([
      "STRIPE_API_URL",
      "STRIPE_PUBLISHABLE_KEY",
      "STRIPE_SECRET_KEY",
      "STRIPE_WEBHOOK_SECRET",
    ]);
  });

  test("production refuses keys of Stripe's test mode, and a staging system live ones", () => {
    const testKeys = {
      STRIPE_SECRET_KEY: "sk_test_abcdefghijklmnop",
      STRIPE_PUBLISHABLE_KEY: "pk_test_abcdefghijklmnop",
    };
    const both = ["STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"];
    expect(faultsOf({ ...production, ...testKeys })).toEqual(both);
    expect(faultsOf({ ...production, STRIPE_SECRET_KEY: "rk_test_abcdefgh" })).toEqual([
      "STRIPE_SECRET_KEY",
    ]);
    expect(faultsOf({ ...production, STAGING: "true" })).toEqual(both);
    const staging = loadConfig({ ...production, ...testKeys, STAGING: "true" });
    expect(staging.stripe.secretKey).toBe(testKeys.STRIPE_SECRET_KEY);
  });

  test("production wants https, except on this machine", () => {
    expect(faultsOf({ ...production, PUBLIC_URL: "http://stay.example.com" })).toEqual([
      "PUBLIC_URL",
    ]);
    for (const PUBLIC_URL of ["http://localhost:4000", "http://127.0.0.1", "http://[::1]:4000"]) {
      expect(loadConfig({ ...production, PUBLIC_URL }).http.publicUrl).toBe(PUBLIC_URL);
    }
  });

  const APP_PATHS = {
    APP_CONFIRM_PATH: "/confirm-registration?token={token}",
    APP_RESET_PATH: "/reset-password?token={token}",
    APP_EMAIL_PATH: "/confirm-email?token={token}",
    APP_EXPORT_PATH: "/export?token={token}",
    APP_SIGN_IN_PATH: "/sign-in?code={code}",
    APP_BOOKING_PATH: "/bookings/{id}",
  };

  test("mails lead to the app by its paths, or to pages of ours", () => {
    expect(loadConfig(production).app.url).toBe(production.PUBLIC_URL);
    const APP_URL = "https://app.example.com";
    const config = loadConfig({ ...production, APP_URL, APP_BOOKING_PATH: "/stays?b={id}#x" });
    expect(bookingLink(config, "7")).toBe("https://app.example.com/stays?b=7#x");
    expect(confirmLink(config, "a+b")).toBe(`${APP_URL}/confirm-registration?token=a%2Bb`);
    // A path of the app at our own address would lead nowhere, unless it is one of ours.
    for (const [name, path] of Object.entries(APP_PATHS)) {
      expect(faultsOf({ ...production, [name]: `/account${path}` })).toEqual([name]);
      expect(() => loadConfig({ ...production, [name]: path })).not.toThrow();
      const elsewhere = { ...production, APP_URL, [name]: `/account${path}` };
      expect(() => loadConfig(elsewhere)).not.toThrow();
    }
  });

  test.each([
    ["APP_URL", "http://app.example.com"],
    ["APP_URL", "https://app.example.com/en"],
    ["APP_CONFIRM_PATH", "/confirm"],
    ["APP_CONFIRM_PATH", "/confirm?id={id}"],
    ["APP_CONFIRM_PATH", "/confirm?token={token}&of={user}"],
    ["APP_BOOKING_PATH", "bookings/{id}"],
    ["APP_BOOKING_PATH", "//elsewhere.example/{id}"],
    ["APP_BOOKING_PATH", "/{id}/{id}"],
    ["APP_BOOKING_PATH", "/my bookings/{id}"],
  ])("production refuses %s=%s, from which no good link comes", (name, text) => {
    expect(faultsOf({ ...production, [name]: text })).toEqual([name]);
  });

  test.each([
    ["smtp://smtp.internal:25", ["SMTP_URL"]],
    ["smtp://smtp.internal:25?requireTLS=false", ["SMTP_URL"]],
    ["smtp://smtp.internal:587?requireTLS=true", []],
    ["smtp://smtp.internal:25?ignoreTLS=true", []],
    ["smtps://smtp.internal", []],
    ["smtp://127.0.0.1:25", []],
  ])("production sends no mail in the open unless told so: %s", (SMTP_URL, faults) => {
    if (faults.length > 0) expect(faultsOf({ ...production, SMTP_URL })).toEqual(faults);
    else expect(loadConfig({ ...production, SMTP_URL }).mail.smtpUrl).toBe(SMTP_URL);
  });

  test.each([
    ["true", undefined],
    ["10.0.0.0/33", undefined],
    ["0.0.0.0/0", undefined],
    ["somewhere", undefined],
    ["11", undefined],
    ["0", false],
    ["2", 2],
    ["loopback, 10.0.0.0/8,192.0.2.7", ["loopback", "10.0.0.0/8", "192.0.2.7"]],
    ["fd00::/8", ["fd00::/8"]],
  ])("TRUST_PROXY=%s gives %j", (text, expected) => {
    if (expected === undefined) expect(faultsOf({ TRUST_PROXY: text })).toEqual(["TRUST_PROXY"]);
    else {
      const { JWT_KEYS } = production;
      expect(loadConfig({ JWT_KEYS, TRUST_PROXY: text }).http.trustProxy).toEqual(expected);
    }
  });

  test("refuses access tokens that live longer than fifteen minutes", () => {
    expect(faultsOf({ ACCESS_TOKEN_MINUTES: "16" })).toEqual(["ACCESS_TOKEN_MINUTES"]);
    expect(loadConfig({ ACCESS_TOKEN_MINUTES: "15" }).tokens.accessMinutes).toBe(15);
  });

  test("refuses a role name that is not a plain identifier, and one name for two roles", () => {
    expect(faultsOf({ DATABASE_OWNER: "x; drop table y" })).toEqual(["DATABASE_OWNER"]);
    const env = { DATABASE_VISITOR: "someone", DATABASE_OPERATOR: "someone" };
    expect(faultsOf(env)).toEqual(["DATABASE_OPERATOR"]);
  });

  test("refuses half a Stripe and half a database", () => {
    const half = ["STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET"];
    expect(faultsOf({ STRIPE_SECRET_KEY: "sk_test_x" }).sort()).toEqual(half);
    const { STRIPE_PUBLISHABLE_KEY: _, STRIPE_WEBHOOK_SECRET: __, ...others } = production;
    for (const ALLOW_STAND_INS of ["true", "false"]) {
      // Each is named once, whether it is missing for one reason or for two.
      expect(faultsOf({ ...others, ALLOW_STAND_INS }).sort()).toEqual(half);
    }
    expect(faultsOf({ ROOT_DATABASE_URL: "postgres://a@b/c" })).toEqual(["ROOT_DATABASE_URL"]);
  });
});

describe("OIDC_PROVIDERS", () => {
  const google = {
    name: "google",
    title: "Google",
    issuer: "https://accounts.google.com",
    clientId: "staybase.apps.example",
    clientSecret: "hunter2-oidc",
  };
  const given = (...providers: unknown[]) => ({ OIDC_PROVIDERS: JSON.stringify(providers) });

  test("takes several, and none", () => {
    const here = { ...google, name: "here", issuer: "http://localhost:9000/realms/one" };
    expect(loadConfig(given(google, here)).oidcProviders).toEqual([google, here]);
    expect(loadConfig({}).oidcProviders).toEqual([]);
    expect(loadConfig({ ...production, ...given(google) }).oidcProviders).toEqual([google]);
  });

  test.each<[string, unknown[], RegExp]>([
    ["no object", ["google"], /provider 1 is no object/],
    [
      "a member that is missing",
      [{ ...google, clientId: undefined }],
      /\(google\) has no clientId/,
    ],
    ["a member that is misspelt", [{ ...google, secret: "hunter2" }], /a member that is not known/],
    ["a name with a slash", [{ ...google, name: "a/b" }], /provider 1 has another name than/],
    ["the name of another address", [{ ...google, name: "session" }], /not session/],
    ["a title of two lines", [{ ...google, title: "a\nb" }], /another title/],
    ["an issuer of plain http", [{ ...google, issuer: "http://idp.example" }], /without https/],
    ["an issuer with a query", [{ ...google, issuer: "https://idp.example/?a" }], /another issuer/],
    ["an issuer that is none", [{ ...google, issuer: "https://[" }], /without https/],
    ["one name twice", [google, { ...google, issuer: "https://b.example" }], /the same name/],
    ["one issuer twice", [google, { ...google, name: "other" }], /the same issuer/],
    ["eleven", Array(11).fill(google), /more than 10/],
  ])("refuses %s in one sentence without the secret", (_what, providers, problem) => {
    const error = errorOf(given(...providers));
    expect(error.faults).toEqual([
      { variable: "OIDC_PROVIDERS", problem: expect.stringMatching(problem) },
    ]);
    expect(error.message).not.toContain("hunter2");
  });

  test("names all that is wrong together", () => {
    const error = errorOf(given({ ...google, title: "" }, { name: "b" }, 7));
    const all = /1 \(google\) has no title; .*2 \(b\) has no clientSecret; provider 3 is no object/;
    expect(error.message).toMatch(all);
  });

  test.each(["google", "{}", "[1,", '"a"'])("refuses %s, which is no list", (text) => {
    expect(errorOf({ OIDC_PROVIDERS: text }).message).toContain("must be a JSON list such as [{");
  });

  test("production asks nobody over plain http", () => {
    const plain = given({ ...google, issuer: "http://localhost:9000" });
    expect(faultsOf({ ...production, ...plain })).toEqual(["OIDC_PROVIDERS"]);
  });
});

describe("JWT_KEYS", () => {
  const pair = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
  const { privateKey, publicKey } = pair("P-256");
  const pem = (type: "pkcs8" | "sec1") => privateKey.export({ format: "pem", type }).toString();
  const base64 = (type: "pkcs8" | "sec1") =>
    privateKey.export({ format: "der", type }).toString("base64");
  const other = makeKey();
  const edwards = generateKeyPairSync("ed25519").privateKey;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const spki = (format: "pem" | "der") =>
    format === "pem"
      ? publicKey.export({ format, type: "spki" }).toString()
      : publicKey.export({ format, type: "spki" }).toString("base64");
  const sealed = { cipher: "aes-256-cbc", passphrase: "correct horse" };

  test.each([
    ["PEM", pem("pkcs8"), 1],
    ["PEM of the older kind", pem("sec1"), 1],
    ["base64", base64("pkcs8"), 1],
    ["base64 of the older kind, as openssl prints it", base64("sec1"), 1],
    ["two with a comma", `${base64("sec1")},${other}`, 2],
    ["two with a comma and a blank", `${base64("pkcs8")}, ${other},`, 2],
    ["two lines", `${base64("pkcs8")}\n${other}\n`, 2],
    ["two of PEM and base64", `${pem("sec1")}\r\n${other}`, 2],
  ])("takes %s", (_what, text, count) => {
    const { keys } = loadConfig({ ...production, JWT_KEYS: text }).tokens;
    expect(keys).toEqual([base64("pkcs8"), other].slice(0, count));
  });

  test.each<[string, string, RegExp]>([
    ["a key of RSA", rsa.export({ format: "pem", type: "pkcs8" }).toString(), /curve P-256/],
    [
      "a key of RSA, in base64",
      rsa.export({ format: "der", type: "pkcs8" }).toString("base64"),
      /curve P-256/,
    ],
    [
      "a key of another curve",
      pair("P-384").privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
      /curve P-256/,
    ],
    [
      "a key of secp256k1",
      pair("secp256k1").privateKey.export({ format: "pem", type: "sec1" }).toString(),
      /curve P-256/,
    ],
    [
      "a key of Ed25519",
      edwards.export({ format: "pem", type: "pkcs8" }).toString(),
      /curve P-256/,
    ],
    ["a public key", spki("pem"), /public key/],
    ["a public key, in base64", spki("der"), /public key/],
    [
      "a key with a passphrase",
      privateKey.export({ format: "pem", type: "pkcs8", ...sealed }).toString(),
      /no private key/,
    ],
    ["the secret of former times", "Zk3-qW9_vR7-tY1_uI5-oP2_aS8-dF4_gH6", /no private key/],
    ["half a key", base64("pkcs8").slice(0, 90), /no private key/],
    ["a good key and half a one", `${other},${base64("pkcs8").slice(0, 90)}`, /no private key/],
    ["nothing but a comma", ",", /no private key/],
    ["three keys", [other, makeKey(), makeKey()].join(), /more than two/],
    ["a key twice", `${other},${other}`, /twice/],
    ["a key twice, in two spellings", `${base64("sec1")}\n${pem("pkcs8")}`, /twice/],
  ])("refuses %s in one sentence without the key", (_what, text, problem) => {
    const error = errorOf({ ...production, JWT_KEYS: text });
    expect(error.faults).toEqual([
      { variable: "JWT_KEYS", problem: expect.stringMatching(problem) },
    ]);
    for (const piece of text.split(/[\s,]+/).filter((each) => /^[\w+/=-]{20,}$/.test(each))) {
      expect(error.message).not.toContain(piece);
    }
  });

  test("says what to set to those who have JWT_SECRET", () => {
    const { JWT_KEYS: _, ...before } = production;
    const error = errorOf({ ...before, JWT_SECRET: "Zk3-qW9_vR7-tY1_uI5-oP2_aS8-dF4_gH6" });
    expect(error.faults.map(({ variable }) => variable)).toEqual(["JWT_KEYS"]);
    expect(error.message).toMatch(/the output of: openssl .*takes the place of JWT_SECRET/);
  });

  test("is made by the command that the compose file names, too", () => {
    const [command = "?"] = /openssl.*-A/.exec(variables.JWT_KEYS.example ?? "") ?? [];
    expect(composeText.split(command)).toHaveLength(3);
  });

  test("may not be the known key, not even as the second one", () => {
    for (const text of [DEVELOPMENT_JWT_KEY, `${other},${DEVELOPMENT_JWT_KEY}`]) {
      expect(faultsOf({ ...production, JWT_KEYS: text })).toEqual(["JWT_KEYS"]);
    }
  });
});

describe("FACTOR_KEYS", () => {
  const [one, two] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];

  test.each([
    [one, [one]],
    [`${one}, ${two}`, [one, two]],
  ])("takes one or two keys of 32 bytes", (text, keys) => {
    expect(loadConfig({ ...production, FACTOR_KEYS: text }).factorKeys).toEqual(keys);
  });

  test.each([
    randomBytes(31).toString("base64"),
    randomBytes(33).toString("base64"),
    randomBytes(32).toString("hex"),
    `${one},${one}`,
    `${one},${two},${randomBytes(32).toString("base64")}`,
    DEVELOPMENT_FACTOR_KEY,
  ])("refuses another text, and what everybody knows", (text) => {
    expect(faultsOf({ ...production, FACTOR_KEYS: text })).toEqual(["FACTOR_KEYS"]);
  });
});

describe("what everybody knows", () => {
  const { JWT_KEYS, FACTOR_KEYS } = production;
  const keys = { JWT_KEYS, FACTOR_KEYS };
  const distant = ["db.internal", "10.1.2.3", "[fd00::7]", "stay.example.com", "128.0.0.1"];
  const at = (name: string, url: (host: string) => string, hosts: readonly string[]) =>
    hosts.map((host) => ({ [name]: url(host) }));
  /** Each of these alone leads beyond this machine. */
  const beyond: readonly Record<string, string>[] = [
    ...at("HOST", (host) => host, ["0.0.0.0", "::", "192.168.1.7", "stay.internal"]),
    ...at("DATABASE_URL", (host) => `postgres://app@${host}/staybase`, distant),
    ...at("DATABASE_URL", (host) => `postgres://app@localhost/staybase?host=${host}`, distant),
    ...at("REDIS_URL", (host) => `redis://${host}:6379`, distant),
    ...at("PUBLIC_URL", (host) => `https://${host}`, distant),
    ...at("APP_URL", (host) => `https://${host}`, distant),
    ...at("SMTP_URL", (host) => `smtp://${host}`, distant),
    ...at("TRUST_PROXY", (proxy) => proxy, ["1", "loopback", "10.0.0.0/8"]),
    ...["live", "test"].map((mode) => ({
      STRIPE_SECRET_KEY: `sk_${mode}_abcdefghijklmnop`,
      STRIPE_PUBLISHABLE_KEY: `pk_${mode}_abcdefghijklmnop`,
      STRIPE_WEBHOOK_SECRET: "whsec_abcdefghijklmnop",
    })),
  ];
  /** None of these does, in any combination. */
  const loopback = ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"];
  const local: Readonly<Record<string, readonly string[]>> = {
    NODE_ENV: ["development", "test"],
    HOST: ["localhost", "127.0.0.1", "::1"],
    DATABASE_URL: [
      ...loopback.map((host) => `postgres://app@${host}/staybase`),
      "postgres:///staybase?host=/var/run/postgresql",
    ],
    REDIS_URL: loopback.map((host) => `redis://${host}:6379`),
    PUBLIC_URL: loopback.map((host) => `http://${host}:4000`),
    SMTP_URL: loopback.map((host) => `smtp://${host}:1025`),
  };
  const draws = Array.from({ length: 50 }, (_, seed) => {
    const draw = drawFrom(seed);
    const names = Object.keys(local).filter(() => draw.one([true, false]));
    return Object.fromEntries(names.map((name) => [name, draw.one(local[name] ?? [])]));
  });

  test("is refused wherever anything leads beyond this machine", () => {
    for (const reason of beyond) {
      for (const around of draws) {
        const env = { ...around, MAIL_FROM: production.MAIL_FROM, ...reason };
        // Who is let in through a proxy does not see the database.
        const known = "TRUST_PROXY" in reason ? ["JWT_KEYS"] : ["FACTOR_KEYS", "JWT_KEYS"];
        expect([env, faultsOf(env).sort()]).toEqual([env, known]);
        const given = {
          ...env,
          JWT_KEYS: DEVELOPMENT_JWT_KEY,
          FACTOR_KEYS: DEVELOPMENT_FACTOR_KEY,
        };
        expect(faultsOf(given).sort()).toEqual(known);
        const mended = loadConfig({ ...env, ...keys });
        expect([mended.isLocal, mended.seedDemo]).toEqual([false, false]);
        expect(faultsOf({ ...env, ...keys, SEED_DEMO: "true" })).toEqual(["SEED_DEMO"]);
      }
    }
  });

  test("is good as long as nothing does", () => {
    for (const env of draws) expect([env, loadConfig(env).isLocal]).toEqual([env, true]);
  });

  test("are the keys of the simulator and the sender of mails, too", () => {
    const stripe = {
      STRIPE_SECRET_KEY: SIMULATOR_STRIPE_KEYS.secretKey,
      STRIPE_PUBLISHABLE_KEY: SIMULATOR_STRIPE_KEYS.publishableKey,
      STRIPE_WEBHOOK_SECRET: SIMULATOR_STRIPE_KEYS.webhookSecret,
    };
    const simulator = { ...stripe, STRIPE_API_URL: "http://127.0.0.1:12111" };
    expect(loadConfig(simulator).isLocal).toBe(true);
    const names = Object.keys(stripe).sort();
    expect(faultsOf({ ...simulator, ...keys, HOST: "0.0.0.0" }).sort()).toEqual(names);
    expect(faultsOf({ ...keys, SMTP_URL: production.SMTP_URL })).toEqual(["MAIL_FROM"]);
  });
});

describe("describe", () => {
  test("shows where everything is and no secret", () => {
    const env = { ...production, SMTP_URL: "smtps://h?password=xkcd-936" };
    const text = describeConfig(loadConfig(env)).join("\n");
    expect(text).toContain("db.internal");
    for (const secret of ["correct-horse", "battery-staple", "xkcd-936", "sk_live", "MIGH"]) {
      expect(text).not.toContain(secret);
    }
  });
});
