/**
 * Claims about the image and the compose file, which nothing here can build: they call what is
 * there, set variables that exist, and need nobody's rights. What they set is a configuration that
 * production accepts.
 */
import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { isComplete, loadConfig, variables } from "../../src/config/index.ts";
import { makeKey } from "../helpers/accessTokens.ts";
import { importsOf, readText, repositoryPaths } from "./repository.ts";

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly disable?: boolean };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
}

interface Package {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest: Package = JSON.parse(readText("package.json"));
const composeText = readText("docker-compose.yml");
const dockerfile = readText("Dockerfile");

function parseCompose(text: string): Compose {
  return parse(text, { merge: true });
}

/** The services that run our own image. */
function ownServices(compose: Compose): [string, Service][] {
  return Object.entries(compose.services).filter(([, service]) => service.build !== undefined);
}

/** The value that compose puts in for `${NAME}`, `${NAME:-default}` and `${NAME:?message}`. */
function interpolate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g, (_match, name, kind, rest) => {
    const value = values[name] ?? "";
    if (value !== "") return value;
    if (kind === "?") throw new Error(`${name} must be set: ${rest}`);
    return kind === "-" ? rest : "";
  });
}

function unknownVariables(compose: Compose): string[] {
  return ownServices(compose).flatMap(([name, { environment = {} }]) =>
    Object.keys(environment).flatMap((variable) =>
      variable in variables
        ? []
        : [`${name} sets ${variable}, which src/config does not know: correct its name.`],
    ),
  );
}

/** A command is what an npm script runs, word for word; npm itself would swallow signals. */
function foreignCommands(commands: readonly (readonly string[])[], scripts: Package["scripts"]) {
  const known = Object.values(scripts).map((script) => script.replace(/^exec /, ""));
  return commands.flatMap((command) =>
    known.includes(command.join(" "))
      ? []
      : [`No npm script runs "${command.join(" ")}": call one that package.json has.`],
  );
}

interface Stage {
  readonly from: string;
  readonly lines: readonly string[];
}

/** The stages of a Dockerfile, each with its instructions on one line each. */
function stagesOf(text: string): Stage[] {
  const lines = text
    .replaceAll(/^#.*$/gm, "")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => line !== "");
  const stages: { from: string; lines: string[] }[] = [];
  for (const line of lines) {
    if (line.startsWith("FROM ")) stages.push({ from: line.split(" ")[1] ?? "", lines: [] });
    else stages.at(-1)?.lines.push(line);
  }
  return stages;
}

function lastOf(lines: readonly string[], instruction: string): string | undefined {
  const found = lines.filter((line) => line.startsWith(`${instruction} `)).at(-1);
  return found?.slice(instruction.length + 1);
}

function imageFaults(text: string, paths: readonly string[]): string[] {
  const stages = stagesOf(text);
  const lines = stages.at(-1)?.lines ?? [];
  const faults: string[] = [];
  const user = lastOf(lines, "USER");
  if (user === undefined || /^(root|0)(:|$)/.test(user)) {
    faults.push("The image runs as root: end its last stage with USER node.");
  }
  if (!text.includes("npm ci --omit=dev")) {
    faults.push("The image installs what only builds and tests: use npm ci --omit=dev.");
  }
  if (!/^HEALTHCHECK .*\/readyz/m.test(lines.join("\n"))) {
    faults.push("The image has no HEALTHCHECK on /readyz.");
  }
  if (lastOf(lines, "STOPSIGNAL") !== "SIGTERM") faults.push("The image wants STOPSIGNAL SIGTERM.");
  const sources = stages.flatMap((stage) =>
    stage.lines
      .filter((line) => line.startsWith("COPY ") && !line.includes("--from="))
      .flatMap((line) => line.split(" ").slice(1, -1)),
  );
  for (const source of sources) {
    if (paths.some((path) => path === source || path.startsWith(`${source}/`))) continue;
    faults.push(`The Dockerfile copies ${source}, which is not there.`);
  }
  return faults;
}

/** The packages that a program needs when it runs, over all the files that it loads. */
function packagesOf(entries: readonly string[], read: (path: string) => string): Set<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path) || !path.endsWith(".ts")) continue;
    seen.add(path);
    for (const found of importsOf({ path, text: read(path) })) {
      const { target, isOurs, isTypeOnly, isLazy } = found;
      // A stand-in is loaded only where one is wanted, which is not in production.
      const isStandIn = isLazy && target.startsWith("src/dev/");
      if (isTypeOnly || isStandIn || target.startsWith("node:")) continue;
      if (isOurs) queue.push(target);
      else packages.add(packageName(target));
    }
  }
  return packages;
}

function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** What has no default: secrets, and what only those who run it can know. */
const SECRETS = {
  PUBLIC_URL: "https://stay.example.com",
  MAIL_FROM: "Staybase <no-reply@stay.example.com>",
  REDIS_PASSWORD: "horse-battery-staple",
  POSTGRES_PASSWORD: "correct-horse-battery",
  AUTHENTICATOR_PASSWORD: "staple-correct-horse",
  JWT_KEYS: makeKey(),
  FACTOR_KEYS: randomBytes(32).toString("base64"),
  STRIPE_SECRET_KEY: "sk_test_abcdefghijklmnop",
  STRIPE_PUBLISHABLE_KEY: "pk_test_abcdefghijklmnop",
  STRIPE_WEBHOOK_SECRET: "whsec_abcdefghijklmnop",
};

test("the compose file sets variables that the configuration knows", () => {
  const compose = parseCompose(composeText);
  expect(Object.keys(compose.services)).toEqual(
    expect.arrayContaining(["postgres", "redis", "mail", "migrate", "server", "worker"]),
  );
  expect(unknownVariables(compose)).toEqual([]);

  const wrong = composeText.replaceAll("REDIS_URL:", "REDIS_URI:");
  expect(unknownVariables(parseCompose(wrong))).not.toEqual([]);
});

test("what the compose file sets is a configuration that production accepts", () => {
  const load = (text: string): void => {
    for (const [, { environment = {} }] of ownServices(parseCompose(interpolate(text, SECRETS)))) {
      const config = loadConfig(environment);
      expect([config.environment, isComplete(config)]).toEqual(["production", true]);
      expect(config.allowStandIns).toBe(false);
    }
  };
  load(composeText);

  expect(() => load(composeText.replace("NODE_ENV: production", "NODE_ENV: prod"))).toThrow();
  expect(() => load(composeText.replace(/^ *REDIS_URL:.*$/m, ""))).toThrow();
});

test("the compose file starts with no secret that is not given", () => {
  for (const name of Object.keys(SECRETS)) {
    expect(() => interpolate(composeText, { ...SECRETS, [name]: "" })).toThrow(name);
  }
  // No secret stands in the file itself.
  expect(composeText.match(/(?:sk|pk)_(?:live|test)_\w{4,}|whsec_\w{4,}/g)).toBeNull();
});

test("server and worker wait for the migrations and never hold the right to migrate", () => {
  const { services } = parseCompose(composeText);
  for (const name of ["server", "worker"]) {
    const service = services[name];
    expect(service?.depends_on?.migrate?.condition).toBe("service_completed_successfully");
    expect(Object.keys(service?.environment ?? {})).not.toContain("ROOT_DATABASE_URL");
  }
  expect(services.migrate?.depends_on?.postgres?.condition).toBe("service_healthy");
  expect(services.server?.healthcheck?.disable ?? false).toBe(false);
  // A port below 1024 would need rights that nobody here has.
  const ports = Object.values(services).flatMap((service) => service.ports ?? []);
  for (const port of ports) {
    const published = interpolate(port, {}).split(":").at(-2);
    expect(Number(published)).toBeGreaterThan(1023);
  }
});

test("every command of the image and the compose file is that of an npm script", () => {
  const scripts = manifest.scripts;
  const own = ownServices(parseCompose(composeText)).map(([, { command = [] }]) => command);
  const image: string[] = JSON.parse(lastOf(stagesOf(dockerfile).at(-1)?.lines ?? [], "CMD") ?? "");
  expect(own.length).toBeGreaterThan(2);
  expect(foreignCommands([...own, image], scripts)).toEqual([]);
  for (const [, name = ""] of dockerfile.matchAll(/\bnpm run ([a-z][a-z:-]*)/g)) {
    expect(Object.keys(scripts)).toContain(name);
  }

  expect(foreignCommands([["node", "src/serve.ts"]], scripts)).toHaveLength(1);
  expect(foreignCommands([["node", "a.ts"]], { start: "exec node a.ts" })).toEqual([]);
});

test("the image runs as somebody without rights, with what it needs and nothing else", () => {
  const paths = repositoryPaths();
  expect(imageFaults(dockerfile, paths)).toEqual([]);

  for (const [from, to] of [
    [/^USER node$/m, ""],
    [/^USER node$/m, "USER node\nUSER root"],
    [/ --omit=dev/, ""],
    [/\/readyz/, "/"],
    [/^STOPSIGNAL.*$/m, ""],
    [/^COPY src /m, "COPY source "],
  ] as const) {
    expect(imageFaults(dockerfile.replace(from, to), paths)).toHaveLength(1);
  }
});

test(".dockerignore lets through what the Dockerfile copies", () => {
  const ignored = readText(".dockerignore").split("\n");
  expect(ignored).toContain("*");
  for (const { lines } of stagesOf(dockerfile)) {
    for (const line of lines.filter((one) => /^COPY (?!--from)/.test(one))) {
      for (const source of line.split(" ").slice(1, -1)) expect(ignored).toContain(`!${source}`);
    }
  }
});

test("all that the programs of the image load is among the dependencies of production", () => {
  const names = ["server", "worker", "commands/db/migrate", "commands/doctor"];
  const entries = names.map((name) => `src/${name}.ts`);
  const inProduction = (packages: Iterable<string>): string[] =>
    [...packages].filter((name) => !(name in manifest.dependencies));
  expect(inProduction(packagesOf(entries, readText))).toEqual([]);

  expect(inProduction(packagesOf(["src/dev/mailCatcher.ts"], readText))).toEqual(
    expect.arrayContaining(["mailparser", "smtp-server"]),
  );
  const files: Record<string, string> = {
    "src/a.ts": 'import "./b/c.ts";\nimport type { X } from "@types/node";',
    "src/b/c.ts": 'import { parseSync } from "@swc/core/x.js";\nimport "node:fs";',
  };
  const found = packagesOf(["src/a.ts"], (path) => files[posix.normalize(path)] ?? "");
  expect(inProduction(found)).toEqual(["@swc/core"]);
});

test("one version of Node: of the image, of the scripts and of those who use nvm", () => {
  const major = (manifest.devDependencies.node ?? "").split(".")[0];
  expect(readText(".nvmrc").trim()).toBe(major);
  for (const { from } of stagesOf(dockerfile)) expect(from).toMatch(`node:${major}-`);
});

/** What of others is named by a tag, which they can move. */
function unpinned(paths: readonly string[], read: (path: string) => string): string[] {
  const wanted = /^\s*(?:- )?(?:FROM|image:|uses:)\s+(?!staybase$|\.\/)(\S+)/gm;
  const isPinned = /@(sha256:[0-9a-f]{64}|[0-9a-f]{40})$/;
  return paths.flatMap((path) =>
    [...read(path).matchAll(wanted)].flatMap(([, name = ""]) =>
      isPinned.test(name) ? [] : [`${path}: pin ${name} by its digest, as @sha256:... or @commit.`],
    ),
  );
}

test("images and actions are pinned by digest", () => {
  const workflows = repositoryPaths().filter((path) => path.startsWith(".github/workflows/"));
  const paths = ["Dockerfile", "docker-compose.yml", ...workflows];
  expect(paths.length).toBeGreaterThan(2);
  expect(unpinned(paths, readText)).toEqual([]);

  const loose =
    "FROM node:24\n  image: redis:8\n  - uses: actions/checkout@v5\n  image: staybase\n";
  expect(unpinned(["a"], () => loose)).toHaveLength(3);
  expect(unpinned(["a"], () => `FROM node:24@sha256:${"0".repeat(63)}`)).toHaveLength(1);
});
