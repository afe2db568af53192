/**
 * How the tests run: ES modules as they are, types stripped by swc, one throw-away PostgreSQL
 * for the whole run.
 */
import type { Config } from "jest";
import "./src/config/libraries.ts";

const config: Config = {
  testEnvironment: "node",
  roots: ["<rootDir>/tests"],
  testMatch: ["**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: {
          parser: { syntax: "typescript" },
          target: "es2024",
          experimental: { keepImportAttributes: true },
        },
        module: { type: "es6" },
      },
    ],
  },
  globalSetup: "<rootDir>/tests/helpers/globalSetup.ts",
  globalTeardown: "<rootDir>/tests/helpers/globalTeardown.ts",
  // A test is late only when it hangs: machines are shared.
  testTimeout: 120_000,
  // A worker often waits, for a server or for PostgreSQL: on two processors a third is of use.
  maxWorkers: 3,
};

export default config;
