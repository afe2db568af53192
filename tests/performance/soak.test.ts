/** What judges a run is right about runs whose end is known, and answers that differ are found. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { contentOf } from "./answers.ts";
import { lateOnes } from "./changes.ts";
import { growthOf } from "./soak.ts";

const HALF_MINUTES = Array.from({ length: 20 }, (_, index) => (index + 1) / 2);

test("memory that grows all the time is growth, whatever the noise, and noise alone is none", () => {
  const noise = fc.array(fc.double({ min: -4, max: 4, noNaN: true }), {
    minLength: HALF_MINUTES.length,
    maxLength: HALF_MINUTES.length,
  });
  const property = fc.property(noise, fc.integer({ min: 5, max: 50 }), (shakes, leak) => {
    const run = (perMinute: number) =>
      HALF_MINUTES.map((minutes, index) => ({
        minutes,
        // What it takes to get warm is no growth.
        rss: 350 + Math.min(minutes, 2) * 30 + (shakes[index] ?? 0) + perMinute * minutes,
      }));
    expect(growthOf(run(0)).grows).toBe(false);
    expect(growthOf(run(leak)).grows).toBe(true);
    expect(growthOf(run(-leak)).grows).toBe(false);
    expect(growthOf(run(leak)).slope).toBeCloseTo(leak + growthOf(run(0)).slope, 6);
  });
  fc.assert(property);
});

test("a change that is seen too late is said, and which one", () => {
  const seen = (shown: "listing page" | "search" | "stay", ms: number[]) => ({
    change: "pause",
    shown,
    ms,
  });
  const page = seen("listing page", [9, 12, 199]);
  const stay = seen("stay", [30]);
  expect(lateOnes([page, seen("search", [4999, 1]), stay])).toEqual([]);
  expect(lateOnes([page, seen("search", [1, 5001]), stay])).toEqual([
    "pause in the search: 5001 of 5000 ms",
  ]);
  expect(lateOnes([seen("listing page", []), stay])).toHaveLength(1);
});

test("answers are the same in any form, and only if they say the same", () => {
  const row = { id: "A", host: { id: "b" }, reviews: { nodes: [{ rating: 5 }] } };
  const graphql = contentOf(JSON.stringify({ data: { listings: { nodes: [row] } } }));
  const same = { reviews: [{ rating: 5 }], host: { id: "B" }, id: "a" };
  expect(contentOf(JSON.stringify({ nodes: [same] }))).toEqual(graphql);
  expect(contentOf(JSON.stringify({ data: { nodes: [same] } }))).toEqual(graphql);
  for (const other of [
    { ...same, id: "c" },
    { ...same, more: null },
    { ...same, host: null },
    { ...same, reviews: [] },
    { ...same, reviews: [{ rating: "5" }] },
    { id: "a", host: { id: "b" } },
  ]) {
    expect(contentOf(JSON.stringify({ nodes: [other] }))).not.toEqual(graphql);
  }
  expect(contentOf(JSON.stringify({ nodes: [same, same] }))).not.toEqual(graphql);
});
