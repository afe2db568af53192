/**
 * Puts the figures of the benchmark and their ratios into lines of text. Ratios are what counts:
 * absolute figures belong to the machine.
 */
import type { Figure } from "./measure.ts";
import type { Search, SearchKey } from "./searches.ts";

/** A ratio with the least that it should be, or the most. */
interface Goal {
  readonly title: string;
  readonly value: number;
  readonly least?: number;
  readonly most?: number;
}

/** Whether all goals are reached, and the lines that say so. */
export interface Report {
  readonly lines: readonly string[];
  readonly reached: boolean;
}

export function report(
  searches: readonly Search[],
  figures: ReadonlyMap<SearchKey, readonly Figure[]>,
): Report {
  const lines = [
    `${"search".padEnd(36)}${["clients", "per s", "p50 ms", "p95 ms", "rows"].map(right).join("")}`,
  ];
  for (const { key, title } of searches) {
    for (const figure of figures.get(key) ?? []) {
      const { clients, perSecond, p50, p95, rows } = figure;
      const cells = [
        String(clients),
        perSecond.toFixed(0),
        p50.toFixed(2),
        p95.toFixed(2),
        rows.toFixed(1),
      ];
      lines.push(`${title.padEnd(36)}${cells.map(right).join("")}`);
    }
  }
  lines.push("");
  const goals = goalsOf(figures);
  for (const goal of goals) {
    const wanted =
      goal.least === undefined
        ? goal.most === undefined
          ? ""
          : `at most ${goal.most}`
        : `at least ${goal.least}`;
    const verdict = wanted === "" ? "" : ` (${wanted}: ${isReached(goal) ? "reached" : "MISSED"})`;
    lines.push(`${goal.title.padEnd(54)}${goal.value.toFixed(2).padStart(8)}${verdict}`);
  }
  return { lines, reached: goals.every(isReached) };
}

function goalsOf(figures: ReadonlyMap<SearchKey, readonly Figure[]>): Goal[] {
  const find = (key: SearchKey, clients: number): Figure | undefined =>
    figures.get(key)?.find((figure) => figure.clients === clients);
  const rate = (key: SearchKey, clients: number): number =>
    find(key, clients)?.perSecond ?? Number.NaN;
  const both = (title: string, a: SearchKey, b: SearchKey, least?: number): Goal[] =>
    [1, 4].map((clients) => ({
      title: `${title}, searches/s, ${clients} client${clients > 1 ? "s" : ""}`,
      value: rate(a, clients) / rate(b, clients),
      ...(least === undefined ? {} : { least }),
    }));
  return [
    ...both("city page : PK-20", "city", "pk20", 0.25),
    ...both("city page : naive, GiST on the point", "city", "naivePoint", 15),
    ...both("city page : naive, b-tree", "city", "naiveBtree"),
    ...both("neighbourhood page : PK-20", "neighbourhood", "pk20"),
    {
      title: "city page p95 : PK-20 p50, 1 client",
      value: (find("city", 1)?.p95 ?? Number.NaN) / (find("pk20", 1)?.p50 ?? Number.NaN),
    },
  ];
}

function isReached({ value, least, most }: Goal): boolean {
  return (least === undefined || value >= least) && (most === undefined || value <= most);
}

function right(cell: string): string {
  return cell.padStart(10);
}
