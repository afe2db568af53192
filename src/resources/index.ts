/**
 * Opens everything that has a lifetime, in order, and closes it in reverse; whoever needs a
 * resource is handed this object as its first argument. It decides nothing about what the
 * resources are for.
 */
import type { Pool } from "pg";
import { type CompleteConfig, type Config, isComplete, missingServices } from "../config/index.ts";
import { bounded } from "./bounded.ts";
import { createFactorSecrets, type FactorSecrets } from "./factorSecrets.ts";
import type { Logger } from "./logger.ts";
import { type Mailer, openMailer } from "./mail.ts";
import { createOidcClients, type OidcClient } from "./oidc.ts";
import { openPasswords, type Passwords } from "./passwords.ts";
import { assertPostgresVersion, createPool } from "./postgres.ts";
import { createRateLimiters, type RateLimit, type RateLimiter } from "./rateLimiter.ts";
import { openRedis, type RedisStore } from "./redis.ts";
import { ResourceError } from "./resourceError.ts";
import { createSessionRevocations, type SessionRevocations } from "./sessionRevocations.ts";
import { createStripe, type StripeClients } from "./stripe.ts";
import { createTokens, type Tokens } from "./tokens.ts";

export interface Resources {
  readonly config: CompleteConfig;
  readonly logger: Logger;
  readonly pool: Pool;
  /** Missing where there is no REDIS_URL: what it would share is then kept in the process. */
  readonly redis: RedisStore | undefined;
  readonly revocations: SessionRevocations;
  readonly stripe: StripeClients;
  readonly mailer: Mailer;
  /** The providers by which people may sign in, by their names. */
  readonly oidc: ReadonlyMap<string, OidcClient>;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly factorSecrets: FactorSecrets;
  /** The limiter of that name. */
  rateLimiter(limit: RateLimit): RateLimiter;
  /** Closes everything in reverse order, each within five seconds. Safe to call twice. */
  dispose(): Promise<void>;
}

/** How long one resource may take to close, in milliseconds. */
const CLOSE_MS = 5000;

/**
 * Opens all resources; when one fails, those opened before it are closed again.
 * @throws {ResourceError} `SERVICES_MISSING`, or what the failing resource says
 */
export async function openResources(
  config: Config,
  logger: Logger,
  options: { readonly applicationName?: string } = {},
): Promise<Resources> {
  if (!isComplete(config)) {
    const missing = missingServices(config).join(", ");
    const message = `There is no address for: ${missing}. Set it (see .env.example) or npm start.`;
    throw new ResourceError("SERVICES_MISSING", message);
  }
  const stack: { name: string; close: () => Promise<unknown> }[] = [];
  const dispose = (): Promise<void> => closeAll(stack, logger);
  try {
    const applicationName = options.applicationName ?? "staybase";
    const pool = createPool(config, logger, { applicationName });
    stack.push({ name: "postgres", close: () => pool.end() });
    await assertPostgresVersion(pool);
    const { url } = config.redis;
    const redis = url === undefined ? undefined : await openRedis(url, logger);
    stack.push({ name: "redis", close: async () => redis?.dispose() });
    const tokens = createTokens(config);
    const revocations = createSessionRevocations(redis, tokens.accessSeconds);
    const stripe = createStripe(config, logger);
    const mailer = openMailer(config);
    stack.push({ name: "mail", close: () => mailer.dispose() });
    const oidc = createOidcClients(config, logger);
    const passwords = await openPasswords();
    const rateLimiter = createRateLimiters(redis);
    const factorSecrets = createFactorSecrets(config);
    const shared = { pool, redis, revocations, stripe, mailer, oidc, rateLimiter };
    return { config, logger, ...shared, passwords, tokens, factorSecrets, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function closeAll(
  stack: { name: string; close: () => Promise<unknown> }[],
  logger: Logger,
): Promise<void> {
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    try {
      await bounded(CLOSE_MS, `Closing ${item.name}`, item.close());
    } catch (error) {
      logger.warn({ err: error, resource: item.name }, "a resource did not close cleanly");
    }
  }
}
