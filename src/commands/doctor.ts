/**
 * `npm run doctor`: looks at everything that Staybase needs, and says of each thing what is fine,
 * what is not and what to do. It works when nothing runs and beside a running `npm start`, changes
 * nothing, and shows no secret. The exit code is 1 when something is broken.
 */
import {
  type Config,
  ConfigError,
  loadConfig,
  loadEnvFile,
  missingServices,
} from "../config/index.ts";
import { type Holder, holderOf } from "../dev/dataFolder.ts";
import { findStandIns, type Service } from "../dev/standIns.ts";
import { messageOf, ResourceError } from "../resources/resourceError.ts";
import { checkDatabase } from "./doctor/database.ts";
import { broken, type Finding, fine, note, report } from "./doctor/finding.ts";
import { checkDataFolder, checkNode, checkPort } from "./doctor/machine.ts";
import { checkMail, checkRedis, checkSettings, checkStripe } from "./doctor/services.ts";
import { describeFailure } from "./shared/errors.ts";

/** Looks at everything. `env` stands in for the environment of the process. */
export async function examine(env?: Record<string, string | undefined>): Promise<Finding[]> {
  const findings = [checkNode()];
  try {
    const config = env === undefined ? loadConfig() : loadConfig(env);
    findings.push(fine("configuration", `Valid, for ${config.environment}.`));
    findings.push(...checkSettings(config), ...(await checkSurroundings(config)));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { variable, problem } of error.faults) findings.push(broken(variable, problem));
    const sentence = "The rest was not looked at.";
    findings.push(note("services", sentence, "Correct what is above; .env.example explains it."));
  }
  return findings;
}

async function checkSurroundings(config: Config): Promise<Finding[]> {
  const findings = [checkDataFolder(config)];
  let holder: Holder | undefined;
  try {
    holder = holderOf(config.dataDir);
  } catch (error) {
    findings.push(broken("data folder", messageOf(error)));
  }
  findings.push(await checkPort(config, holder));
  const { found, absent } = locateServices(config);
  if (absent.length > 0) findings.push(explainAbsence(absent, holder));
  return [...findings, ...(await checkServices(found))];
}

/** Completes the configuration with the stand-ins that run, as far as they do. */
function locateServices(config: Config): { found: Config; absent: Service[] } {
  const absent: Service[] = [];
  let found = config;
  for (const service of missingServices(config)) {
    try {
      found = findStandIns(found, { only: [service] });
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error;
      absent.push(service);
    }
  }
  return { found, absent };
}

const NAMES: Readonly<Record<Service, string>> = {
  postgres: "PostgreSQL",
  stripe: "Stripe",
  mail: "mail server",
};

function explainAbsence(absent: readonly Service[], holder: Holder | undefined): Finding {
  const services = absent.map((service) => NAMES[service]).join(", ");
  if (holder === undefined) {
    const sentence = `Not configured, and no stand-in runs: ${services}.`;
    return note("services", sentence, "Start everything with: npm start");
  }
  const sentence = `npm start runs (process ${holder.pid}), but without: ${services}.`;
  const remedy = "It may be just starting; else stop it and start it with the same environment.";
  return note("services", sentence, remedy);
}

async function checkServices(config: Config): Promise<Finding[]> {
  const { redis, stripe, mail } = config;
  const { secretKey, publishableKey = "", webhookSecrets = [] } = stripe;
  const { smtpUrl } = mail;
  const all = await Promise.all([
    checkDatabase(config),
    checkRedis(redis.url),
    secretKey === undefined
      ? []
      : [checkStripe({ ...stripe, secretKey, publishableKey, webhookSecrets })],
    smtpUrl === undefined ? [] : [checkMail({ ...mail, smtpUrl })],
  ]);
  return Promise.all(all.flat());
}

if (import.meta.main) {
  try {
    loadEnvFile();
    const findings = await examine();
    console.log(report(findings));
    if (findings.some(({ state }) => state === "broken")) process.exitCode = 1;
  } catch (error) {
    console.error(describeFailure(error));
    process.exitCode = 1;
  }
}
