/**
 * Refuses sums that would mislead: of unlike currencies, or of rows that count together with rows
 * that do not, such as stays that were never paid. What each sum needs, tags.json5 says.
 */
import { ApiError } from "../../errors.ts";
import type { SumRules } from "../plugins/sums.ts";

/**
 * Passes a `groupedAggregates`, or refuses it.
 * @param groupBy the names that it is grouped by
 * @param filter the filter of its connection, coerced
 * @throws {ApiError} `INVALID_INPUT`
 */
export function judgeSums(rules: SumRules, groupBy: unknown, filter: unknown): void {
  const groups: readonly unknown[] = Array.isArray(groupBy) ? groupBy : [];
  for (const name of rules.groupedBy.filter((needed) => !groups.includes(needed))) {
    throw refusal(`Group sums by ${name}: unlike ones do not add up.`);
  }
  for (const name of rules.decidedBy.filter((needed) => !groups.includes(needed))) {
    if (namesValues(filter, name)) continue;
    throw refusal(`Group sums by ${name}, or filter by it: not every row counts.`);
  }
}

/** Whether a filter says which values of a column it takes. */
function namesValues(filter: unknown, name: string): boolean {
  const column = name
    .toLowerCase()
    .replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase());
  const operators = Object(Object(filter)[column]) as Record<string, unknown>;
  return operators.equalTo != null || operators.in != null;
}

const refusal = (message: string): ApiError =>
  new ApiError("INVALID_INPUT", message, { fields: ["groupBy"] });
