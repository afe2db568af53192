/**
 * How many generated cases a test draws, or how often it lets chance play: all of them, or with
 * `CASES=few`, as `.ci/run` has it, as many as its time allows. What is drawn comes from fixed
 * seeds, so that the few are the first of all.
 */
export function cases(all: number, few: number): number {
  return process.env.CASES === "few" ? few : all;
}
