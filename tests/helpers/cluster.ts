/**
 * Tells the tests of one run where their throw-away PostgreSQL is. `globalSetup` starts it and
 * says so with `announceCluster`; every test file learns it with `cluster`.
 */
import { type Config, loadConfig } from "../../src/config/index.ts";

/** The server of a run and the database that each test file copies. */
export interface Cluster {
  /** Superuser, to the maintenance database. */
  readonly rootUrl: string;
  /** The authenticator, to the template; each copy replaces the database's name. */
  readonly templateUrl: string;
  readonly templateName: string;
}

export const TEMPLATE_NAME = "staybase_template";

declare global {
  // Jest hands its `globals` to every test file under the name that they have there.
  var staybaseTestCluster: Cluster | undefined;
}

/**
 * The cluster of this run.
 * @throws when a test file is run without jest.config.ts
 */
export function cluster(): Cluster {
  const found = globalThis.staybaseTestCluster;
  if (found === undefined) {
    throw new Error("There is no test database: run the tests with `npm test`.");
  }
  return found;
}

/** Where the template of an embedded server lies. */
export function describeCluster(server: { url: string; rootUrl: string }): Cluster {
  const [rootUrl, templateUrl] = [new URL(server.rootUrl), new URL(server.url)];
  rootUrl.pathname = "/postgres";
  templateUrl.pathname = `/${TEMPLATE_NAME}`;
  return { rootUrl: rootUrl.href, templateUrl: templateUrl.href, templateName: TEMPLATE_NAME };
}

/** The configuration of a test for the database `name`: everything else has its default. */
export function testConfig(server: Cluster, name: string): Config {
  const url = new URL(server.templateUrl);
  url.pathname = `/${name}`;
  return loadConfig({
    NODE_ENV: "test",
    LOG_LEVEL: "silent",
    DATABASE_URL: url.href,
    ROOT_DATABASE_URL: server.rootUrl,
  });
}
