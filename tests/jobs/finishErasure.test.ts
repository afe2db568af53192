/** What happens a minute after an account was closed, however often it happens. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";
import { finishErasure } from "../../src/jobs/finishErasure.ts";
import { customerOf } from "../../src/payments/customers.ts";
import { testDatabase } from "../helpers/database.ts";
import { asOwner, asServer, somebody } from "../helpers/factories.ts";
import { openTestResources, type TestResources } from "../helpers/resources.ts";

const database = testDatabase();
let stripe: StripeSimulator;
let opened: TestResources;

beforeAll(async () => {
  stripe = await startStripeSimulator({
    secretKey: SIMULATOR_STRIPE_KEYS.secretKey,
    publishableKey: SIMULATOR_STRIPE_KEYS.publishableKey,
    webhookSecret: SIMULATOR_STRIPE_KEYS.webhookSecret,
    retry: { firstMs: 20, mostMs: 200 },
  });
  opened = await openTestResources(database, { stripeUrl: stripe.url });
});

afterAll(async () => {
  await opened?.dispose();
  await stripe?.close();
});

const finish = (userId: string) => finishErasure(opened.resources, { userId });
const knownAtStripe = (userId: string) =>
  asOwner(database, "select from app_private.stripe_customers where user_id = $1", [userId]);

test("Stripe forgets who closed the account, also where it has already", async () => {
  const person = await somebody(database);
  const id = await customerOf(opened.resources, person);
  await asServer(database, "select app_private.close_account($1)", [person]);
  // As if a worker had died before it could note that.
  await opened.resources.stripe.jobs.customers.del(id);
  expect(await knownAtStripe(person)).toHaveLength(1);
  await finish(person);
  expect(await knownAtStripe(person)).toHaveLength(0);
  await finish(person);
});

test("what a request wrote meanwhile goes, and nobody is erased who did not close", async () => {
  const [person, other] = [await somebody(database), await somebody(database, "Otto")];
  await customerOf(opened.resources, other);
  await asServer(database, "select app_private.close_account($1)", [person]);
  const rename = "update app_public.users set display_name = 'Late', bio = 'Me.' where id = $1";
  await asOwner(database, rename, [person]);
  await finish(person);
  await finish(other);
  const people = await asOwner(
    database,
    `select display_name::text as name, bio::text as bio from app_public.users
     where id = any ($1) order by 1`,
    [[person, other]],
  );
  expect(people).toEqual([
    { name: "Former member", bio: "" },
    { name: "Otto", bio: "" },
  ]);
  expect(await knownAtStripe(other)).toHaveLength(1);
});
