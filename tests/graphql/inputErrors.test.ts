/**
 * Every input of every mutation, found in the schema and given what it cannot be, is named by the
 * refusal, as a literal and in a variable.
 */

import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  buildSchema,
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isScalarType,
} from "postgraphile/graphql";
import { readCodedOperations } from "../../src/http/coded.ts";
import { readOperations } from "../../src/http/openapi.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;
const schema = buildSchema(await readFile("src/graphql/schema.graphql", "utf8"));

beforeAll(async () => {
  market = await buildMarket(database);
  server = await openGraphqlServer(database);
  const hash = await server.resources.passwords.hash("the password of all");
  await database.owner.query("update app_private.user_secrets set password_hash = $1", [hash]);
});
afterAll(() => server.dispose());

/** What no value of a scalar can be; text is told by the database. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  BigFloat: ["abc", "1e400"],
  BigInt: ["12abc"],
  Boolean: ["perhaps"],
  Date: ["tomorrow"],
  Datetime: ["noon"],
  Float: ["abc"],
  Int: [9_999_999_999, "abc"],
  String: [5, "nul \0 inside"],
  Time: ["25:00", "soon"],
  UUID: ["not an id"],
  WebUrl: ["http://example.com", 5],
};
const RIGHT: Readonly<Record<string, unknown>> = {
  BigFloat: "1.5",
  BigInt: "100",
  Boolean: true,
  Date: "2031-06-02",
  Datetime: "2031-06-02T10:00:00Z",
  Float: 1.5,
  Int: 1,
  String: "https://example.com/1",
  Time: "15:00",
  UUID: "00000000-0000-4000-8000-000000000404",
  WebUrl: "https://example.com/1",
};

const wrong = (type: GraphQLInputType): readonly unknown[] => {
  const named = getNamedType(type);
  const values = isEnumType(named) ? ["NOT_ONE"] : (WRONG[named.name] ?? []);
  return isListType(getNullableType(type)) ? values.map((value) => [value]) : values;
};

/** A value that has the right form, with one leaf replaced where the path leads to it. */
function example(type: GraphQLInputType, path: readonly string[], value: unknown): unknown {
  if (path.length === 0) return value;
  const bare = getNullableType(type);
  if (!isInputObjectType(bare)) throw new Error(`${path.join(".")} leads nowhere.`);
  const [head, ...rest] = path;
  const members = Object.values(bare.getFields()).flatMap((field): [string, unknown][] => {
    if (field.name === head) return [[field.name, example(field.type, rest, value)]];
    return isNonNullType(field.type) ? [[field.name, right(field.type)]] : [];
  });
  return Object.fromEntries(members);
}

function right(type: GraphQLInputType): unknown {
  const bare = getNullableType(type);
  if (isListType(bare)) return [];
  if (isEnumType(bare)) return bare.getValues()[0]?.name;
  if (!isInputObjectType(bare)) return RIGHT[bare.name];
  return Object.fromEntries(
    Object.values(bare.getFields())
      .filter((field) => isNonNullType(field.type))
      .map((field) => [field.name, right(field.type)]),
  );
}

/** Paths to everything in an input that is no object. */
function leaves(type: GraphQLInputType): { path: string[]; type: GraphQLInputType }[] {
  const bare = getNullableType(type);
  if (!isInputObjectType(bare)) return [{ path: [], type }];
  return Object.values(bare.getFields())
    .filter((field) => field.name !== "clientMutationId")
    .flatMap((field) =>
      leaves(field.type).map((leaf) => ({ path: [field.name, ...leaf.path], type: leaf.type })),
    );
}

const MUTATIONS = Object.values(schema.getMutationType()?.getFields() ?? {}).map((field) => {
  const [input] = field.args;
  if (input === undefined) throw new Error(`${field.name} has no input.`);
  return { name: field.name, type: input.type };
});

/** A value in the language of documents, in which the names of enums have no quotes. */
function literal(value: unknown): string {
  if (typeof value === "string" && /^[A-Z][A-Z_]+$/.test(value)) return value;
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, item]) => `${name}: ${literal(item)}`)
    .join(", ")}}`;
}

const CODED = new Set(
  (await readCodedOperations(await readOperations())).map(({ field }) => field),
);
const WITH_INPUTS = MUTATIONS.filter(({ type }) => leaves(type).length > 0);

test("all mutations but these are given something", () => {
  const bare = MUTATIONS.filter((each) => !WITH_INPUTS.includes(each)).map(({ name }) => name);
  expect(bare).toEqual([
    "beginSecondFactor",
    "closeAccount",
    "disableSecondFactor",
    "endOtherSessions",
    "logOut",
    "replaceRecoveryCodes",
    "requestExport",
  ]);
});

test.each(WITH_INPUTS)("$name names each input that is wrong", async ({ name, type }) => {
  const host = server.signedIn(market.a.host);
  const unnamed: string[] = [];
  for (const leaf of leaves(type)) {
    for (const value of wrong(leaf.type)) {
      const input = example(type, leaf.path, value);
      const byVariable = `mutation ($input: ${type}) { ${name}(input: $input) { __typename } }`;
      const sent = [
        await host.send(byVariable, { input }),
        await host.send(`mutation { ${name}(input: ${literal(input)}) { __typename } }`),
      ];
      for (const { errors } of sent) {
        // What is coded goes by its own rules, and finds other faults first.
        if (CODED.has(name) && typeof value === "string" && value.includes("\0")) {
          const statuses = errors.map(({ extensions }) => extensions?.status ?? 500);
          expect([name, statuses.length, statuses.filter((status) => status >= 500)]).toEqual([
            name,
            1,
            [],
          ]);
          continue;
        }
        const fields = errors.flatMap((error) => error.extensions?.fields ?? []);
        if (!fields.includes(leaf.path.at(-1) ?? "")) {
          unnamed.push(
            `${leaf.path.join(".")} = ${JSON.stringify(value)}: ${JSON.stringify(errors)}`,
          );
        }
      }
    }
  }
  expect(unnamed).toEqual([]);
});

test("each type of an input is tried", () => {
  const types = MUTATIONS.flatMap(({ type }) =>
    leaves(type).map((leaf) => getNamedType(leaf.type)),
  );
  const untried = types.filter((type) => isScalarType(type) && WRONG[type.name] === undefined);
  expect(untried.map(({ name }) => name)).toEqual([]);
});
