/**
 * What the doctor says about one thing, and how that is printed. It looks at nothing itself, and
 * whoever makes a finding keeps secrets out of it.
 */

/** One thing that was looked at. */
export interface Finding {
  /** `note` is worth knowing and needs nothing now; `broken` does not work as it is. */
  readonly state: "fine" | "note" | "broken";
  /** What was looked at, in a word or two. */
  readonly subject: string;
  /** What was found: one sentence. */
  readonly sentence: string;
  /** What to do about it, where it is not fine. */
  readonly remedy?: string;
}

export function fine(subject: string, sentence: string): Finding {
  return { state: "fine", subject, sentence };
}

export function note(subject: string, sentence: string, remedy?: string): Finding {
  return { state: "note", subject, sentence, ...(remedy === undefined ? {} : { remedy }) };
}

export function broken(subject: string, sentence: string, remedy?: string): Finding {
  return { state: "broken", subject, sentence, ...(remedy === undefined ? {} : { remedy }) };
}

const MARKS: Readonly<Record<Finding["state"], string>> = {
  fine: "ok    ",
  note: "note  ",
  broken: "BROKEN",
};

/** The findings as a person reads them, one a line, each remedy below its finding. */
export function report(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const indent = " ".repeat(MARKS.fine.length + 2 + width + 2);
  const lines = findings.flatMap(({ state, subject, sentence, remedy }) => [
    `${MARKS[state]}  ${subject.padEnd(width)}  ${sentence.replaceAll("\n", `\n${indent}`)}`,
    ...(remedy === undefined ? [] : [`${indent}${remedy.replaceAll("\n", `\n${indent}`)}`]),
  ]);
  const faults = findings.filter(({ state }) => state === "broken").length;
  const verdict =
    faults === 0
      ? "Nothing is broken."
      : `${faults} ${faults === 1 ? "thing is" : "things are"} broken.`;
  return [...lines, "", verdict].join("\n");
}
