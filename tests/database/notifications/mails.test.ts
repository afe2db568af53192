/** Mail that is owed: once an event and person, with what it says, and gone from the list when sent. */
import { beforeAll, beforeEach, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  follow,
  followRefund,
  hold,
  NOON,
  one,
  paidBooking,
  publishEvents,
  publishedListing,
  refusal,
  somebody,
  stopClock,
  text,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;
let booking: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
});

beforeEach(async () => {
  booking = await paidBooking(database, guest, await publishedListing(database, host));
  await publishEvents(database);
});

const mailTo = async (user: string) =>
  text(
    await asOwner(
      database,
      "select id from app_private.mails where booking_id = $1 and user_id = $2",
      [booking, user],
    ),
    "id",
  );

const jobsOf = (mail: string) =>
  asOwner(database, "select task_identifier as task from graphile_worker.jobs where key = $1", [
    `mail:${mail}`,
  ]);

const read = async (mail: string) =>
  one(
    await asServer(
      database,
      `select kind, email is not null as addressed, display_name, other_name, listing_title, city,
         check_in::text, check_out::text, party, currency, exponent, total_amount::text as total,
         host_amount::text as host_amount, street
       from app_private.mail_to_send($1)`,
      [mail],
    ),
  );

test("guest and host are each owed one mail, with a job each", async () => {
  for (const user of [guest, host]) {
    expect(await jobsOf(await mailTo(user))).toEqual([{ task: "mail__send" }]);
  }
});

test("events that are read again owe nothing more", async () => {
  const mail = await mailTo(guest);
  await asOwner(database, "update app_private.event_readers set last_sequence = 0");
  await publishEvents(database);
  expect(await mailTo(guest)).toBe(mail);
  const twice = asOwner(
    database,
    `insert into app_private.mails (event_id, kind, user_id, booking_id)
     select event_id, kind, user_id, booking_id from app_private.mails where id = $1`,
    [mail],
  );
  expect(await refusal(twice)).toBe("23505");
});

test("every refund of a booking is told", async () => {
  const late = await hold(database, guest, await publishedListing(database, host));
  const payment = await begunPayment(database, guest, late);
  await asVisitor(database, guest, "select app_public.cancel_hold($1)", [late]);
  expect(await follow(database, payment, "succeeded")).toBe("refunding");
  // The bank refuses it whole; two halves go through.
  const refused = await asOwner(
    database,
    "select id from app_public.refunds where payment_id = $1",
    [payment.id],
  );
  expect(await followRefund(database, text(refused, "id"), "failed")).toBe("failed");
  const halves = await asOwner(
    database,
    `insert into app_public.refunds (payment_id, reason, reason_code, currency, amount)
     select p.id, 'One of two.', 'late_payment', p.currency, p.captured_amount / 2
     from app_public.payments p, generate_series(1, 2) where p.id = $1 returning id`,
    [payment.id],
  );
  await publishEvents(database);
  for (const [index, { id }] of halves.entries()) {
    await followRefund(database, String(id), "succeeded");
    await publishEvents(database);
    const mails = await asOwner(
      database,
      "select kind, user_id from app_private.mails where booking_id = $1",
      [late],
    );
    expect(mails).toEqual(
      ["refund_failed", ...Array.from({ length: index + 1 }, () => "late_payment_refunded")].map(
        (kind) => ({ kind, user_id: guest }),
      ),
    );
  }
});

test("an event whose mails fail is passed over, and the others are told", async () => {
  await asOwner(
    database,
    `create function app_hidden.tg_mails__break() returns trigger
     language plpgsql as $$ begin raise exception 'Broken.'; end $$`,
  );
  await asOwner(
    database,
    `create trigger _050_break before insert on app_private.mails
     for each row when (NEW.booking_id = '${booking}')
     execute function app_hidden.tg_mails__break()`,
  );
  await asOwner(database, "delete from app_private.mails where booking_id = $1", [booking]);
  const other = await paidBooking(database, guest, await publishedListing(database, host));
  await asOwner(database, "update app_private.event_readers set last_sequence = 0");
  const mailsOf = (id: string) =>
    asOwner(database, "select from app_private.mails where booking_id = $1", [id]);
  await publishEvents(database);
  expect(await mailsOf(booking)).toHaveLength(0);
  expect(await mailsOf(other)).toHaveLength(2);
  await asOwner(database, "drop trigger _050_break on app_private.mails");
  await asOwner(database, "update app_private.event_readers set last_sequence = 0");
  await publishEvents(database);
  expect(await mailsOf(booking)).toHaveLength(2);
});

test("a mail knows what it says, to whom, and of whom", async () => {
  const common = {
    addressed: true,
    listing_title: "A quiet flat",
    city: "Lisboa",
    check_in: "2031-06-10",
    check_out: "2031-06-14",
    party: { adults: 1, children: 0, infants: 0, pets: 0 },
    currency: "EUR",
    exponent: 2,
    total: "44800",
    host_amount: "38800",
    street: "Rua Augusta 1",
  };
  expect(await read(await mailTo(guest))).toEqual({
    ...common,
    kind: "booking_confirmed_guest",
    display_name: "Gero",
    other_name: "Hanna",
  });
  expect(await read(await mailTo(host))).toMatchObject({
    kind: "booking_confirmed_host",
    display_name: "Hanna",
    other_name: "Gero",
  });
});

test("a mail that was sent is not sent again", async () => {
  const mail = await mailTo(guest);
  await asServer(database, "select app_private.mark_mail_sent($1)", [mail]);
  expect(await read(mail)).toMatchObject({ kind: null, addressed: false });
  expect(await read(await mailTo(host))).toMatchObject({ kind: "booking_confirmed_host" });
});

test("who has no address is owed nothing that can be sent", async () => {
  const mail = await mailTo(host);
  await database.scenario(async ({ client }) => {
    await client.query("delete from app_public.user_contacts where user_id = $1", [host]);
    const { rows } = await client.query("select kind from app_private.mail_to_send($1)", [mail]);
    expect(rows).toEqual([{ kind: null }]);
  });
});

test("no client reads what others are told", async () => {
  const READ = "select id from app_private.mails";
  expect(await refusal(asVisitor(database, guest, READ))).toBe("42501");
  expect(await refusal(asVisitor(database, guest, "select app_private.mail_to_send(null)"))).toBe(
    "42501",
  );
  expect((await asOwner(database, READ)).length).toBeGreaterThan(0);
});
