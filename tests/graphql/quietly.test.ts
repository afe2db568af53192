/** What is aborted quietly has the usual reason, once for all; everything else aborts as ever. */
import { expect, test } from "@jest/globals";
import { quietly } from "../../src/graphql/quietly.ts";

function reasonOf(controller: AbortController, given?: unknown): unknown {
  controller.abort(given);
  return controller.signal.reason;
}

test("has one reason, which is an AbortError", () => {
  const [first, second] = quietly(() => [new AbortController(), new AbortController()] as const);
  const reason = reasonOf(first);
  expect(reason).toMatchObject({ name: "AbortError" });
  expect(reasonOf(second)).toBe(reason);
  expect(first.signal.aborted).toBe(true);
});

test("takes the reason that it is given", () => {
  const reason = new Error("the client is gone");
  expect(
    reasonOf(
      quietly(() => new AbortController()),
      reason,
    ),
  ).toBe(reason);
});

test("leaves the others alone, also when it fails", () => {
  const usual = AbortController;
  const fail = (): never => {
    throw new Error("planning failed");
  };
  expect(() => quietly(fail)).toThrow("planning failed");
  expect(AbortController).toBe(usual);
  expect(reasonOf(new AbortController())).not.toBe(reasonOf(new AbortController()));
});
