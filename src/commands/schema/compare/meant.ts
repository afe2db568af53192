/**
 * The page on which breaking changes are decided: docs/released/meant.yaml lists each since the
 * last release, word for word, with the reason. What is not listed is a mistake, and so is a line
 * that nothing matches any more.
 */
import { parse, stringify } from "yaml";
import { isRecord, textIn } from "../../../values.ts";

export interface MeantChange {
  /** The sentence of `npm run schema:compare`. */
  readonly change: string;
  readonly reason: string;
}

export interface Decided {
  /** The version that was released. */
  readonly release: string;
  readonly meant: readonly MeantChange[];
}

const HEAD = `# What breaks clients of this release and is meant: each sentence of
# \`npm run schema:compare\`, word for word, and the reason. See docs/compatibility.md.
# A release empties the list.
`;

export function writeDecided({ release, meant }: Decided): string {
  return `${HEAD}${stringify({ release, meant }, { lineWidth: 0 })}`;
}

/** @throws where the page says less than it must */
export function readDecided(text: string): Decided {
  const page: unknown = parse(text);
  const release = textIn(page, "release");
  const listed = isRecord(page) ? page.meant : undefined;
  if (release === undefined || !Array.isArray(listed)) {
    throw new Error("docs/released/meant.yaml needs `release` and a list `meant`.");
  }
  const meant = listed.map((entry: unknown, index) => {
    const [change, reason] = [textIn(entry, "change"), textIn(entry, "reason")];
    // A word such as "ok" is no reason.
    if (change === undefined || reason === undefined || !/\S+\s+\S+\s+\S+/.test(reason)) {
      throw new Error(
        `docs/released/meant.yaml: entry ${index + 1} needs \`change\`, and a sentence as ` +
          "`reason`.",
      );
    }
    return { change, reason };
  });
  return { release, meant };
}

/** What is wrong with changes and decisions together; nothing where all are meant. */
export function undecided(changes: readonly string[], { meant }: Decided): string[] {
  const decided = new Set(meant.map(({ change }) => change));
  const mistakes = changes.filter((change) => !decided.has(change));
  const stale = [...decided].filter((change) => !changes.includes(change));
  return [
    ...mistakes.map((change) => `Breaks clients: ${change}`),
    ...stale.map((change) => `Meant, but nothing changes so any more: ${change}`),
  ];
}

/**
 * Why a version cannot follow the released one; nothing where it can. What breaks needs a new first
 * number, below 1.0 a new second one, as https://semver.org says.
 */
export function versionFault(version: string, { release, meant }: Decided): string | undefined {
  const parts = (text: string): number[] => text.split(/[.-]/).slice(0, 3).map(Number);
  const [now, then] = [parts(version), parts(release)];
  const first = now.findIndex((part, index) => part !== then[index]);
  const isLater = first >= 0 && (now[first] ?? 0) > (then[first] ?? 0);
  if (!isLater) return `package.json says ${version}, and ${release} is released: raise it.`;
  const deciding = then[0] === 0 ? 1 : 0;
  if (meant.length === 0 || first <= deciding) return undefined;
  const which = deciding === 0 ? "first" : "second";
  return `${version} breaks clients of ${release}: raise its ${which} number.`;
}
