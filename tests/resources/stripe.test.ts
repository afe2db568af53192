/** Claims about the way to Stripe: it is left alone when it does not answer, and what clients are told. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { ApiError } from "../../src/errors.ts";
import { createStripe, type StripeClients, stripeApiError } from "../../src/resources/stripe.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A Stripe that answers with the status that `statusOf` says, and counts who asks. */
async function stripe(statusOf: () => number): Promise<[StripeClients, asked: () => number]> {
  let asked = 0;
  const made = createServer((_request, response) => {
    asked += 1;
    response.writeHead(statusOf(), { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { type: "api_error", message: "No." } }));
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  const { port } = made.address() as AddressInfo;
  const keys = { secretKey: "sk_test_x", publishableKey: "pk_x", webhookSecrets: ["whsec_x"] };
  const clients = createStripe({ stripe: { ...keys, apiUrl: `http://127.0.0.1:${port}` } });
  return [clients, () => asked];
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => stripeApiError(thrown),
  );
  return error?.code ?? "answered";
}

test("a Stripe that fails many times in a row is left alone, for requests and jobs alike", async () => {
  const [{ requests, jobs }, asked] = await stripe(() => 503);
  const codes: string[] = [];
  for (let call = 0; call < 12; call += 1) {
    codes.push(await codeOf(requests.paymentIntents.retrieve("pi_1")));
  }
  expect(codes).toEqual([
    ...Array.from({ length: 10 }, () => "PAYMENT_PROVIDER"),
    "PAYMENT_UNAVAILABLE",
    "PAYMENT_UNAVAILABLE",
  ]);
  expect(await codeOf(jobs.refunds.retrieve("re_1"))).toBe("PAYMENT_UNAVAILABLE");
  expect(asked()).toBe(10);
  const error = await requests.paymentIntents.retrieve("pi_1").catch(stripeApiError);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 503, details: { retryAfterSeconds: 10 } });
});

test.each([400, 402, 404, 409, 429])("an answer of %i is no failure of Stripe", async (status) => {
  const [{ requests }, asked] = await stripe(() => status);
  for (let call = 0; call < 15; call += 1) {
    expect(await codeOf(requests.paymentIntents.retrieve("pi_1"))).not.toBe("PAYMENT_UNAVAILABLE");
  }
  expect(asked()).toBe(15);
});

test("one answer between failures is enough to be asked on", async () => {
  let call = 0;
  const [{ requests }, asked] = await stripe(() => (call++ % 9 === 8 ? 404 : 500));
  for (let round = 0; round < 30; round += 1) {
    await codeOf(requests.paymentIntents.retrieve("pi_1"));
  }
  expect(asked()).toBe(30);
});

test("what is no error of Stripe's is thrown as it is", () => {
  const error = new TypeError("ours");
  expect(() => stripeApiError(error)).toThrow(error);
});
