/** What the benchmark starts is a server that starts: it knows what production demands. */
import { expect, test } from "@jest/globals";
import { ConfigError, loadConfig } from "../../src/config/index.ts";
import { makeKey } from "../helpers/accessTokens.ts";
import { productionOf } from "./servers.ts";

test("production takes the configuration of the benchmark", () => {
  const setting = { url: "postgres://one@127.0.0.1/two", key: makeKey(), dir: "/tmp/bench" };
  expect(loadConfig(productionOf(setting)).environment).toBe("production");
  expect(() => loadConfig({ ...productionOf(setting), FACTOR_KEYS: "" })).toThrow(ConfigError);
});
