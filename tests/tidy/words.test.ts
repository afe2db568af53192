/**
 * One word for each thing, the same in SQL, TypeScript and OpenAPI: a booking, a stay and a guest
 * have no second name. Stripe's own names are Stripe's, so its simulator is left out, and so are
 * texts and comments, in which a trip may be a trip.
 */
import { expect, test } from "@jest/globals";
import { parseDocument, visit } from "yaml";
import { filesUnder, type SourceFile, sourceFiles, syntaxOf } from "./repository.ts";

/** The word that we do not use, and the one that we do. */
const OURS: ReadonlyMap<string, string> = new Map([
  ["reservation", "booking"],
  ["trip", "stay"],
  ["customer", "guest"],
]);

/** Code that speaks of Stripe's objects by their names. */
const STRIPES_OWN = /^src\/(commands\/stripe|dev\/stripe|payments)\//;

function foreignWords(path: string, identifiers: Iterable<string>): string[] {
  return [...new Set(identifiers)].flatMap((identifier) => {
    const words = identifier
      .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
      .toLowerCase()
      // A customer of Stripe's is what Stripe calls it.
      .replaceAll(/stripe_customers?/g, "stripe")
      .split(/[^a-z]+/);
    return words.flatMap((word) => {
      const ours = OURS.get(word) ?? OURS.get(word.replace(/s$/, ""));
      if (ours === undefined) return [];
      return [`${path} names something ${identifier}: our word for "${word}" is "${ours}".`];
    });
  });
}

function wordsInTypeScript(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    if (STRIPES_OWN.test(file.path)) return [];
    const names = syntaxOf(file).nodes.flatMap(({ type, value }) =>
      type === "Identifier" && typeof value === "string" ? [value] : [],
    );
    return foreignWords(file.path, [...names, file.path]);
  });
}

/** What is left of SQL without its texts and comments. */
const SQL_PROSE = /'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g;

function wordsInSql(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const code = text.replaceAll(SQL_PROSE, " ");
    return foreignWords(path, [...(code.match(/[A-Za-z_][A-Za-z0-9_]*/g) ?? []), path]);
  });
}

/** Names in a document are its keys, and the values of operationId, tags, name and enum. */
function wordsInYaml(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const names = [path];
    visit(parseDocument(text), {
      Pair: (_key, { key, value }) => {
        names.push(String(key));
        if (/^(operationId|tags|name|enum)$/.test(String(key))) names.push(JSON.stringify(value));
      },
    });
    return foreignWords(path, names);
  });
}

test("bookings, stays and guests have no second name in TypeScript", () => {
  expect(wordsInTypeScript(sourceFiles())).toEqual([]);

  const wrong = "const customerId = load(tripDates); type Reservation = { reservations: number };";
  expect(wordsInTypeScript([{ path: "src/a.ts", text: wrong }])).toHaveLength(4);
  const right = 'strip(description); // the round trip of a customer\nconst a = "customer";';
  expect(wordsInTypeScript([{ path: "src/a.ts", text: right }])).toEqual([]);
});

test("bookings, stays and guests have no second name in SQL", () => {
  const files = filesUnder("sql", ".sql");
  expect(files.length).toBeGreaterThan(0);
  expect(wordsInSql(files)).toEqual([]);

  const wrong = "create table app_public.reservations (customer_id uuid, trip daterange);";
  expect(wordsInSql([{ path: "sql/a.sql", text: wrong }])).toHaveLength(3);
  const right = "-- one trip\n/* a customer's */ select 'a customer''s trip' as strip;";
  expect(wordsInSql([{ path: "sql/a.sql", text: right }])).toEqual([]);
});

test("bookings, stays and guests have no second name in the OpenAPI document", () => {
  const files = filesUnder("openapi", ".yaml");
  expect(files.length).toBeGreaterThan(0);
  expect(wordsInYaml(files)).toEqual([]);

  const wrong = "operationId: makeTrip\nproperties:\n  customerId:\n    description: A customer.";
  expect(wordsInYaml([{ path: "openapi/a.yaml", text: wrong }])).toHaveLength(2);
});
