/**
 * What a server of a benchmark is started with: as behind a proxy, so that a request can come from
 * any address; what it needs beside the database is never asked.
 */
import { generateKeyPairSync } from "node:crypto";
import { SIMULATOR_STRIPE_KEYS } from "../../config/index.ts";

const NOWHERE = "127.0.0.1:1";

export function benchEnvironment(url: string, port: number): Record<string, string> {
  // Behind a proxy the key that everybody knows is refused.
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    NODE_ENV: "development",
    DATABASE_URL: url,
    PORT: String(port),
    HOST: "127.0.0.1",
    PUBLIC_URL: "",
    TRUST_PROXY: "loopback",
    JWT_KEYS: privateKey.export({ format: "der", type: "pkcs8" }).toString("base64"),
    LOG_LEVEL: "error",
    STRIPE_SECRET_KEY: SIMULATOR_STRIPE_KEYS.secretKey,
    STRIPE_PUBLISHABLE_KEY: SIMULATOR_STRIPE_KEYS.publishableKey,
    STRIPE_WEBHOOK_SECRET: SIMULATOR_STRIPE_KEYS.webhookSecret,
    STRIPE_API_URL: `http://${NOWHERE}`,
    SMTP_URL: `smtp://${NOWHERE}`,
  };
}
