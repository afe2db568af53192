/** Mail that is owed: once a person and occasion, with what it says, and gone from the list when sent. */
import { beforeAll, beforeEach, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  NOON,
  one,
  paidBooking,
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
         check_in::text, check_out::text, guests, currency, exponent, total_amount::text as total,
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

test("the same occasion told again owes nothing more", async () => {
  const mail = await mailTo(guest);
  await asOwner(database, "select app_hidden.queue_mail('booking_confirmed_guest', $1, $2)", [
    guest,
    booking,
  ]);
  expect(await mailTo(guest)).toBe(mail);
  const twice = asOwner(
    database,
    `insert into app_private.mails (kind, user_id, booking_id)
     values ('booking_confirmed_guest', $1, $2)`,
    [guest, booking],
  );
  expect(await refusal(twice)).toBe("23505");
});

test("a mail knows what it says, to whom, and of whom", async () => {
  const common = {
    addressed: true,
    listing_title: "A quiet flat",
    city: "Lisboa",
    check_in: "2031-06-10",
    check_out: "2031-06-14",
    guests: 1,
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
