/** What the benchmarks start is a server that starts: they know what it demands. */
import { expect, test } from "@jest/globals";
import { benchEnvironment } from "../../src/commands/shared/benchEnvironment.ts";
import { ConfigError, loadConfig } from "../../src/config/index.ts";
import { makeKey } from "../helpers/accessTokens.ts";
import { productionOf } from "./servers.ts";

const url = "postgres://one@127.0.0.1/two";

test.each([
  ["production", productionOf({ url, key: makeKey(), dir: "/tmp/bench" })],
  ["development", benchEnvironment(url, 4000)],
])("%s takes the configuration of its benchmarks", (environment, given) => {
  expect(loadConfig(given).environment).toBe(environment);
  expect(() => loadConfig({ ...given, JWT_KEYS: "" })).toThrow(ConfigError);
});
