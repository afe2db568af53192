/**
 * A domain of sql/ names only its own objects and those of domains above it in all.sql, so that a
 * reader can go down the list and meet nothing unknown. A file of policies may stand in a lower
 * section, where it needs a function of that section, and is judged where it stands.
 */
import { describe, expect, test } from "@jest/globals";
import { SQL_FOLDER, sqlFiles } from "./files.ts";
import type { TextFile } from "./proofs.ts";

const MADE =
  /\bcreate\s+(?:or\s+replace\s+)?(?:table|view|type|domain|function)\s+(?:if\s+not\s+exists\s+)?(app_\w+\.\w+)/g;
const NAMED = /\bapp_(?:public|hidden|private)\.\w+/g;

/** The only domain that may know all of these at once. */
const TOGETHER = { domain: "checkout", of: ["bookings", "ledger", "payments"] };

const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/--.*$/gm, "");

/** The sections of all.sql in order, and the section in which each file stands. */
function sectionsOf(allSql: string): { order: string[]; standsIn: Map<string, string> } {
  const order: string[] = [];
  const standsIn = new Map<string, string>();
  for (const line of allSql.split("\n")) {
    const section = /^-- (\w+)(?::|$)/.exec(line)?.[1];
    if (section !== undefined) order.push(section);
    const path = /^--!include (\S+)$/.exec(line)?.[1];
    if (path !== undefined) standsIn.set(path, order.at(-1) ?? "");
  }
  return { order, standsIn };
}

function domainProblems(allSql: string, files: readonly TextFile[]): string[] {
  const { order, standsIn } = sectionsOf(allSql);
  const makers = new Map<string, string>();
  for (const { path, text } of files) {
    const [folder = ""] = path.split("/");
    for (const [, name = ""] of code(text).matchAll(MADE)) makers.set(name, folder);
  }
  return files.flatMap(({ path, text }) => {
    const [folder = "", kind] = path.split("/");
    const section = standsIn.get(path) ?? "";
    const problems: string[] = [];
    const isBelow = order.indexOf(section) > order.indexOf(folder);
    if (section !== folder && !(kind === "policies" && isBelow)) {
      problems.push(`sql/${path} stands under "${section}" in all.sql. Move it to "${folder}".`);
    }
    const named = new Set(code(text).match(NAMED) ?? []);
    const domains = new Set<string>();
    for (const name of named) {
      const maker = makers.get(name);
      if (maker === undefined) continue;
      domains.add(maker);
      if (order.indexOf(maker) > order.indexOf(section)) {
        problems.push(
          `sql/${path} names ${name} of ${maker}, which is below ${section} in all.sql. Move the ` +
            "rule down to where both are known.",
        );
      }
    }
    if (folder !== TOGETHER.domain && TOGETHER.of.every((domain) => domains.has(domain))) {
      problems.push(
        `sql/${path} knows ${TOGETHER.of.join(", ")} at once. Move it to ${TOGETHER.domain}/.`,
      );
    }
    return problems;
  });
}

const ALL = `-- foundation
--!include foundation/clock.sql

-- bookings
--!include bookings/tables/bookings.sql
-- ledger: double entry
--!include ledger/tables/entries.sql
-- payments
--!include payments/tables/payments.sql
--!include bookings/policies/bookings.sql
--!include payments/internal/one.sql
`;
const GOOD: readonly TextFile[] = [
  { path: "foundation/clock.sql", text: "create or replace function app_hidden.clock()" },
  {
    path: "bookings/tables/bookings.sql",
    text: "create table if not exists app_public.bookings ()",
  },
  {
    path: "ledger/tables/entries.sql",
    text: "create table app_public.entries (); -- app_public.payments",
  },
  { path: "payments/tables/payments.sql", text: "create table app_public.payments ()" },
  { path: "bookings/policies/bookings.sql", text: "app_public.bookings, app_public.payments" },
  { path: "payments/internal/one.sql", text: "app_public.bookings, app_hidden.clock()" },
];

describe("domains", () => {
  test("name only themselves and those above them in all.sql", async () => {
    const files = await sqlFiles(SQL_FOLDER);
    const all = files.find(({ path }) => path === "all.sql")?.text ?? "";
    const others = files.filter(({ path }) => path !== "all.sql");
    expect(domainProblems(all, others)).toEqual([]);
  });

  test("are read from the sections and the files", () => {
    expect(domainProblems(ALL, GOOD)).toEqual([]);
  });

  test.each([
    ["a name of a domain below", "ledger/tables/entries.sql", "app_public.payments"],
    ["a name of a domain below, in a text", "foundation/clock.sql", "'app_public.bookings'"],
    [
      "all of money at once",
      "payments/internal/one.sql",
      "app_public.bookings app_public.entries app_public.payments",
    ],
  ])("would be found out: %s", (_what, path, addition) => {
    const files = GOOD.map((file) =>
      file.path === path ? { path, text: `${file.text}\n${addition}` } : file,
    );
    expect(domainProblems(ALL, files)).toEqual([expect.stringContaining(`sql/${path}`)]);
  });

  test("would be found out: a file that stands elsewhere and holds no policies", () => {
    const all = ALL.replace("--!include bookings/tables/bookings.sql\n", "").concat(
      "--!include bookings/tables/bookings.sql\n",
    );
    expect(domainProblems(all, GOOD)).toEqual([
      expect.stringContaining("sql/bookings/tables/bookings.sql stands under"),
    ]);
  });
});
