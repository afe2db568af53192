/**
 * The outbox: what happens is told in the transaction in which it happens, and no reader misses
 * what commits late. The control shows what a reader by id would miss.
 */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  become,
  begunPayment,
  draft,
  follow,
  followRefund,
  hold,
  NOON,
  one,
  ownerTransaction,
  paidBooking,
  publishedListing,
  refusal,
  somebody,
  stopClock,
  text,
  withRival,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
});

/** The types of the events about something, in the order in which they were written. */
async function told(subject: string): Promise<unknown[]> {
  const events = await asOwner(
    database,
    "select type from app_private.events where subject = $1 order by id",
    [subject],
  );
  return events.map(({ type }) => type);
}

const publish = () => asServer(database, "select app_private.publish_events() as published");

describe("what happens is told", () => {
  test("of a person and their listing", async () => {
    const person = await somebody(database);
    expect(await told(person)).toEqual(["person.created"]);
    const listing = await draft(database, person);
    expect(await told(person)).toEqual(["person.created", "person.updated"]);
    expect(await told(listing)).toEqual(["listing.created"]);
    const published = await publishedListing(database, person);
    expect((await told(published)).at(-1)).toBe("listing.published");
    for (const verb of ["pause", "publish", "archive"]) {
      await asVisitor(database, person, `select app_public.${verb}_listing($1)`, [published]);
    }
    expect((await told(published)).slice(-3)).toEqual([
      "listing.paused",
      "listing.published",
      "listing.archived",
    ]);
  });

  test.each([
    ["text", "update app_public.listings set title = 'A newer name for a flat' where id = $1"],
    [
      "photo",
      "insert into app_public.listing_photos (listing_id, url) values ($1, 'https://a.b/2')",
    ],
    ["caption", "update app_public.listing_photos set caption = 'New' where listing_id = $1"],
    ["amenities", "select app_public.set_listing_amenities($1, array['wifi', 'kitchen'])"],
    ["rates", "select app_public.set_listing_rates($1, 'EUR', 20000)"],
    ["dated rate", "select app_public.set_dated_rate($1, '2031-07-01', '2031-07-05', 30000)"],
    [
      "place",
      "select app_public.set_listing_address($1, 'Rua 1', 'Porto', 'PT', 'Europe/Lisbon', -8.6, 41.1)",
    ],
  ])("of an edit: %s, once a transaction", async (_what, statement) => {
    const listing = await publishedListing(database, host);
    const before = await told(listing);
    await database.commitAsVisitor(host, async (client) => {
      await client.query(statement, [listing]);
      await client.query("update app_public.listings set bedrooms = 2 where id = $1", [listing]);
    });
    expect((await told(listing)).slice(before.length)).toEqual(["listing.updated"]);
  });

  test("of a stay, its money and its review", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    const payment = await begunPayment(database, guest, booking);
    await follow(database, payment, "processing");
    await follow(database, payment, "succeeded");
    await stopClock(database, "2031-06-20T12:00:00Z");
    await asServer(database, "select app_private.complete_stays()");
    const review = await asVisitor(
      database,
      guest,
      "select id from app_public.submit_review($1, 5, 'Good.')",
      [booking],
    );
    await stopClock(database, NOON);
    expect(await told(booking)).toEqual([
      "booking.created",
      "booking.confirmed",
      "booking.completed",
    ]);
    expect(await told(payment.id)).toEqual([
      "payment.created",
      "payment.processing",
      "payment.captured",
    ]);
    expect(await told(text(review, "id"))).toEqual(["review.created", "review.published"]);
  });

  test("of money that comes too late and goes back", async () => {
    const booking = await hold(database, guest, await publishedListing(database, host));
    const payment = await begunPayment(database, guest, booking);
    await asVisitor(database, guest, "select app_public.cancel_hold($1)", [booking]);
    await follow(database, payment, "succeeded");
    const refund = text(
      await asOwner(database, "select id from app_public.refunds where payment_id = $1", [
        payment.id,
      ]),
      "id",
    );
    for (const status of ["pending", "succeeded", "failed"]) {
      await followRefund(database, refund, status);
    }
    expect(await told(booking)).toEqual(["booking.created", "booking.cancelled"]);
    expect(await told(refund)).toEqual([
      "refund.created",
      "refund.pending",
      "refund.succeeded",
      "refund.failed",
    ]);
  });

  test("with who did it, and ids alone", async () => {
    const listing = await publishedListing(database, host);
    const booking = await hold(database, guest, listing);
    const event = one(
      await asOwner(database, "select actor, payload from app_private.events where subject = $1", [
        booking,
      ]),
    );
    expect(event).toEqual({
      actor: guest,
      payload: { listingId: listing, hostId: host, guestId: guest },
    });
    const others = await asOwner(
      database,
      `select from app_private.events, jsonb_each_text(payload)
       where value !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'`,
    );
    expect(others).toEqual([]);
  });

  test("by a name that is listed, for every status there is", async () => {
    const nameless = await asOwner(
      database,
      `select s.noun || '.' || e.enumlabel as name
       from (values ('listing'), ('booking'), ('payment'), ('refund')) s (noun)
       join pg_enum e on e.enumtypid = ('app_public.' || s.noun || '_status')::regtype
       where not exists (
         select from app_private.event_types t
         where t.name = s.noun || '.' || e.enumlabel and t.description ~ '^[A-Z].*[.]$'
       )`,
    );
    expect(nameless).toEqual([]);
    const unknown = asOwner(database, "select app_hidden.append_event('booking.eaten', uuidv7())");
    expect(await refusal(unknown)).toBe("23503");
  });

  test("only if it was committed, and the job is queued with it", async () => {
    const [lost, kept] = [
      "019a0000-0000-7000-8000-000000000001",
      "019a0000-0000-7000-8000-000000000002",
    ];
    const jobs =
      "select count(*)::integer as n from graphile_worker.jobs where task_identifier = 'event__publish'";
    const before = Number(one(await asOwner(database, jobs)).n);
    await ownerTransaction(database, async (client) => {
      await client.query("savepoint part");
      await client.query("select app_hidden.append_event('listing.updated', $1)", [lost]);
      await client.query("rollback to savepoint part");
      for (let count = 0; count < 3; count += 1) {
        await client.query("select app_hidden.append_event('listing.updated', $1)", [kept]);
      }
    });
    expect(await told(lost)).toEqual([]);
    expect(await told(kept)).toEqual(["listing.updated"]);
    expect(one(await asOwner(database, jobs)).n).toBe(before + 1);
  });
});

describe("readers", () => {
  const EDIT = "update app_public.listings set bedrooms = bedrooms + 1 where id = $1";
  const READ = "select id::integer, sequence::integer, subject from app_hidden.read_events('test')";
  let first: string;
  let second: string;

  beforeAll(async () => {
    first = await publishedListing(database, host);
    second = await publishedListing(database, host);
    await publish();
    await asOwner(
      database,
      `insert into app_private.event_readers (name, last_sequence)
       select 'test', max(sequence) from app_private.events`,
    );
  });

  test("miss nothing that commits late, which a reader by id would", async () => {
    const lastId = async (subject: string) =>
      Number(
        one(
          await asOwner(
            database,
            "select max(id)::integer as id from app_private.events where subject = $1",
            [subject],
          ),
        ).id,
      );
    await withRival(database, async (late, early) => {
      for (const client of [late, early]) await become(database, client, host);
      // It draws the lower number and commits last.
      await late.query(EDIT, [first]);
      await early.query(EDIT, [second]);
      await early.query("commit");
      await publish();
      expect(await asOwner(database, READ)).toMatchObject([{ subject: second }]);
      await late.query("commit");
    });
    await publish();
    expect(await asOwner(database, READ)).toMatchObject([{ subject: first }]);
    // The control: what a reader that had come as far as the first would not have seen.
    expect(await lastId(first)).toBeLessThan(await lastId(second));
    expect(await asOwner(database, READ)).toEqual([]);
  });

  test("read again what they did not finish", async () => {
    await asOwner(database, EDIT, [first]);
    await publish();
    await expect(
      ownerTransaction(database, async (client) => {
        expect((await client.query(READ)).rowCount).toBe(1);
        throw new Error("The machine dies.");
      }),
    ).rejects.toThrow("The machine dies.");
    expect(await asOwner(database, READ)).toHaveLength(1);
    expect(await asOwner(database, READ)).toHaveLength(0);
  });

  test("find places without gaps or repetition, however many publish", async () => {
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        await asOwner(database, EDIT, [index % 2 === 0 ? first : second]);
        await publish();
      }),
    );
    await publish();
    const [found] = await asOwner(
      database,
      `select count(*)::integer as events, count(distinct sequence)::integer as places,
         (max(sequence) - min(sequence) + 1)::integer as span
       from app_private.events`,
    );
    expect(found?.places).toBe(found?.events);
    expect(found?.span).toBe(found?.events);
    // Of one subject, the order is that in which it happened.
    const disorder = await asOwner(
      database,
      `select from app_private.events a join app_private.events b using (subject)
       where a.id < b.id and a.sequence > b.sequence`,
    );
    expect(disorder).toEqual([]);
  });

  test("all have read what is forgotten, and the count goes on", async () => {
    await stopClock(database, "2031-12-01T12:00:00Z");
    const purge = () => asServer(database, "select app_private.purge_events() as purged");
    const last = "select max(sequence)::integer as last from app_private.events";
    const before = Number(one(await asOwner(database, last)).last);
    await asOwner(database, "update app_private.event_readers set last_sequence = 0");
    expect(await purge()).toEqual([{ purged: 0 }]);
    await asOwner(database, "update app_private.event_readers set last_sequence = $1", [before]);
    expect(await purge()).toEqual([{ purged: before - 1 }]);
    await asOwner(database, EDIT, [first]);
    await publish();
    expect(one(await asOwner(database, last)).last).toBe(before + 1);
    await stopClock(database, NOON);
  });
});

test("no client reads or writes the outbox", async () => {
  for (const statement of [
    "select from app_private.events",
    "select app_hidden.append_event('booking.confirmed', uuidv7())",
    "select app_private.publish_events()",
  ]) {
    expect(await refusal(asVisitor(database, guest, statement))).toBe("42501");
  }
  await paidBooking(database, guest, await publishedListing(database, host));
  expect((await asOwner(database, "select from app_private.events")).length).toBeGreaterThan(0);
});
