/**
 * SQL is read side by side with its difference, so its lines are as short as those of TypeScript.
 * What was committed in migrations/ stays as it was written and is left out.
 */
import { expect, test } from "@jest/globals";
import { filesUnder, type SourceFile } from "./repository.ts";

const MOST_COLUMNS = 100;

/**
 * Lines of function bodies, and of functions that are to change, that are still too long: their
 * text is in the catalogue, so that a migration has to carry each change. The list only shrinks.
 */
const STILL_LONG: ReadonlyMap<string, number> = new Map([
  ["sql/bookings/internal/sell_stay.sql", 1],
  ["sql/bookings/mutations/create_booking.sql", 4],
  ["sql/bookings/server/complete_stays.sql", 1],
  ["sql/calendar/internal/check_stay.sql", 1],
  ["sql/calendar/internal/free_expired_holds.sql", 1],
  ["sql/calendar/server/expire_holds.sql", 2],
  ["sql/checkout/internal/settle_payment.sql", 2],
  ["sql/checkout/server/apply_payment_intent.sql", 1],
  ["sql/checkout/server/apply_refund.sql", 1],
  ["sql/checkout/server/attach_payment_intent.sql", 2],
  ["sql/checkout/server/ledger_drift.sql", 1],
  ["sql/identity/server/confirm_registration.sql", 2],
  ["sql/imports/server/import_listing.sql", 2],
  ["sql/listings/internal/offset_place.sql", 1],
  ["sql/listings/internal/require_own_listing.sql", 2],
  ["sql/listings/internal/write_listing_address.sql", 1],
  ["sql/listings/triggers/tg_listing_photos__limit.sql", 2],
  ["sql/notifications/server/mail_to_send.sql", 2],
  ["sql/pricing/internal/price_lines.sql", 2],
  ["sql/pricing/internal/price_stay.sql", 1],
  ["sql/pricing/internal/require_charge_step.sql", 1],
  ["sql/pricing/mutations/set_dated_rate.sql", 3],
  ["sql/quotes/internal/require_bookable.sql", 2],
  ["sql/quotes/triggers/tg_quotes__line_items_sum.sql", 1],
  ["sql/search/internal/check_search.sql", 4],
  ["sql/search/internal/search_candidates.sql", 1],
  ["sql/search/internal/search_mask.sql", 1],
  ["sql/search/internal/search_projection.sql", 1],
  ["sql/search/queries/search_listings.sql", 1],
]);

/** Files with more long lines than they may have, or fewer than the list says. */
function widthProblems(
  files: readonly SourceFile[],
  stillLong: ReadonlyMap<string, number>,
): string[] {
  const paths = new Set(files.map(({ path }) => path));
  const gone = [...stillLong.keys()].filter((path) => !paths.has(path));
  return [
    ...gone.map((path) => `${path} is not there any more: take it off the list.`),
    ...files.flatMap(({ path, text }) => {
      const long = text.split("\n").flatMap((line, index) => {
        return [...line].length > MOST_COLUMNS ? [index + 1] : [];
      });
      const known = stillLong.get(path) ?? 0;
      if (long.length === known) return [];
      if (long.length < known) return [`${path} has become better: list it with ${long.length}.`];
      return [
        `${path} is wider than ${MOST_COLUMNS} columns in ${long.join(", ")}: break the line.`,
      ];
    }),
  ];
}

test(`lines of SQL have at most ${MOST_COLUMNS} columns`, () => {
  const files = ["sql", "src", "tests"].flatMap((folder) => filesUnder(folder, ".sql"));
  expect(files.length).toBeGreaterThan(100);
  expect(widthProblems(files, STILL_LONG)).toEqual([]);
});

test("a line that is too long, and a list that says too much, would be found out", () => {
  const of = (text: string, known: number): string[] =>
    widthProblems([{ path: "sql/a.sql", text }], new Map(known > 0 ? [["sql/a.sql", known]] : []));
  const [fits, long] = ["ä".repeat(MOST_COLUMNS), "ä".repeat(MOST_COLUMNS + 1)];
  expect(of(`${fits}\n`, 0)).toEqual([]);
  expect(of(`${fits}\n${long}`, 0)).toEqual([expect.stringContaining("in 2:")]);
  expect(of(`${long}\n${long}`, 1)).toEqual([expect.stringContaining("in 1, 2:")]);
  expect(of(`${long}\n${long}`, 2)).toEqual([]);
  expect(of(long, 2)).toEqual([expect.stringContaining("list it with 1")]);
  expect(widthProblems([], new Map([["sql/a.sql", 1]]))).toEqual([
    expect.stringContaining("sql/a.sql is not there"),
  ]);
});
