/**
 * Builds a small market through the same functions that clients and the server call: two stories,
 * A and B, each of a host and a guest who know nothing of the other story. Whoever wants to show
 * who may see what has somebody's own rows here, a counterpart's and a stranger's.
 */
import type { ClientBase } from "pg";
import { withTransaction } from "../../src/resources/postgres.ts";
import { travel } from "./clock.ts";
import type { TestDatabase } from "./database.ts";

export { travel };

/** One host, one guest, and what they have to do with each other. */
export interface Story {
  readonly host: string;
  readonly guest: string;
  /** Published; the guest's stay there is paid, over and reviewed. */
  readonly booked: string;
  /** Published; the guest holds nights there, has not paid, and has another quote for it. */
  readonly held: string;
  /** Paused after the guest had held nights there. */
  readonly paused: string;
  readonly draft: string;
}

/** The ids of the people and listings of the market. */
export interface Market {
  readonly a: Story;
  readonly b: Story;
  readonly operator: string;
}

/** Writes the market into an empty test database; takes about half a second. */
export async function buildMarket(database: TestDatabase): Promise<Market> {
  const operator = await person(database, "Olga Operator");
  await database.owner.query("insert into app_private.operators (user_id) values ($1)", [operator]);
  await database.owner.query(
    "insert into app_public.suspensions (user_id, reason) values ($1, 'Fraud.')",
    [await person(database, "Sonja Suspended")],
  );
  // About nobody's account.
  await database.commitAsAuthenticator((client) =>
    client.query("select app_private.audit_failed_sign_in('nobody@example.com', 'curl')"),
  );
  const a = await story(database, "A");
  const b = await story(database, "B");
  return { a, b, operator };
}

async function person(database: TestDatabase, name: string): Promise<string> {
  const id = await value<string>(
    database.owner,
    "insert into app_public.users (display_name) values ($1) returning id",
    [name],
  );
  await database.owner.query(
    `with contact as (
       insert into app_public.user_contacts (user_id, email, email_verified_at, phone)
       values ($1, $2, now(), '+351200000000')
     )
     insert into app_private.user_secrets (user_id, password_hash)
     values ($1, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA')`,
    [id, `${name.toLowerCase().replaceAll(" ", ".")}@example.com`],
  );
  await database.commitAsAuthenticator((client) =>
    client.query(
      `select app_private.start_session(
         $1::uuid, sha256(convert_to($1::text, 'UTF8')), '', '1 hour')`,
      [id],
    ),
  );
  return id;
}

async function story(database: TestDatabase, name: string): Promise<Story> {
  const host = await person(database, `Hanna Host ${name}`);
  const guest = await person(database, `Gero Guest ${name}`);
  const booked = await publishedListing(database, host, "booked");
  const held = await publishedListing(database, host, "held");
  const paused = await publishedListing(database, host, "paused");
  const draft = await completeListing(database, host, "draft");
  await hold(database, guest, paused);
  await database.commitAsVisitor(host, async (client) => {
    await client.query("select app_public.pause_listing($1)", [paused]);
    for (const listing of [booked, draft]) {
      await client.query(
        "select app_public.block_nights($1, current_date + 40, current_date + 42, 'Painting')",
        [listing],
      );
    }
  });
  await hold(database, guest, held);
  await database.commitAsVisitor(guest, (client) =>
    client.query("select app_public.create_quote($1, current_date + 20, current_date + 22, 1)", [
      held,
    ]),
  );
  const booking = await hold(database, guest, booked);
  await pay(database, guest, booking);
  await database.owner.query(
    `select app_hidden.post_ledger('goodwill:' || refunds[1], 'goodwill', $1, array[
       row('platform_revenue', null, 'EUR', 100), row('guest_payable', null, 'EUR', -100)
     ]::app_hidden.ledger_posting[], refund_id => refunds[1])
     from app_hidden.queue_refund($1, 100, 'goodwill', 'A gesture.', 'system') refunds`,
    [booking],
  );
  await database.owner.query(
    `select app_private.record_unknown_charge(
       'pi_unknown_' || $1, 'ch_unknown_' || $1, 100, 'EUR', null, $1::uuid)`,
    [booking],
  );
  await database.commitAsVisitor(guest, (client) =>
    client.query(
      `select app_public.propose_alteration(
         b.id, 'alter-' || b.id, b.check_in, b.check_out + 1, b.guests)
       from app_public.bookings b where b.id = $1`,
      [booking],
    ),
  );
  const left = await hold(database, guest, held, 10);
  await pay(database, guest, left);
  await database.commitAsVisitor(guest, (client) =>
    client.query("select app_public.cancel_booking($1, $2)", [left, `cancel-${left}`]),
  );
  await review(database, guest, booking);
  return { host, guest, booked, held, paused, draft };
}

async function publishedListing(database: TestDatabase, host: string, title: string) {
  const id = await completeListing(database, host, title);
  await database.commitAsVisitor(host, (client) =>
    client.query("select app_public.publish_listing($1)", [id]),
  );
  return id;
}

async function completeListing(database: TestDatabase, host: string, title: string) {
  return database.commitAsVisitor(host, async (client) => {
    const id = await value<string>(
      client,
      `insert into app_public.listings (title, description, house_rules)
       values ($1, 'A quiet flat under the roof, with a view.', 'No parties.') returning id`,
      [`${title} flat`],
    );
    await client.query(
      `select app_public.set_listing_address(
         $1, 'Rua Augusta 1', 'Lisboa', 'PT', 'Europe/Lisbon', -9.1365, 38.7077)`,
      [id],
    );
    await client.query(
      `insert into app_public.listing_photos (listing_id, url, position)
       values ($1::uuid, 'https://photos.example/' || $1::text, 0)`,
      [id],
    );
    await client.query("select app_public.set_listing_rates($1, 'EUR', 9000, 11000, 3000)", [id]);
    await client.query(
      "select app_public.set_dated_rate($1, current_date + 60, current_date + 70, 15000)",
      [id],
    );
    await client.query("select app_public.set_listing_amenities($1, array['wifi', 'kitchen'])", [
      id,
    ]);
    return id;
  });
}

/** Books three nights, from tomorrow on or later, and does not pay. */
async function hold(
  database: TestDatabase,
  guest: string,
  listing: string,
  inDays = 1,
): Promise<string> {
  return database.commitAsVisitor(guest, async (client) => {
    const quote = await value<string>(
      client,
      "select id from app_public.create_quote($1, current_date + $2::int, current_date + $2::int + 3, 2)",
      [listing, inDays],
    );
    return value<string>(client, "select id from app_public.create_booking($1, $2)", [
      quote,
      `fixture-${quote}`,
    ]);
  });
}

async function pay(database: TestDatabase, guest: string, booking: string): Promise<void> {
  await withTransaction(database.pool, { claims: { userId: guest } }, async (client) => {
    const { rows } = await client.query<{ id: string; amount: string; currency: string }>(
      "select id, amount, currency from app_private.begin_payment($1)",
      [booking],
    );
    for (const { id, amount, currency } of rows) {
      const intent = `pi_${id}`;
      await client.query("select app_private.attach_payment_intent($1, $2)", [id, intent]);
      await client.query(
        "select app_private.apply_payment_intent($1, $2, 'succeeded', $3, $4, null, $3, $5)",
        [intent, id, amount, `ch_${id}`, currency],
      );
    }
  });
}

async function review(database: TestDatabase, guest: string, booking: string): Promise<void> {
  await travel(database, "10 days");
  await database.commitAsVisitor(guest, (client) =>
    client.query("select app_public.submit_review($1, 5, 'Lovely.')", [booking]),
  );
  await database.commitAsAuthenticator((client) =>
    client.query("select app_private.complete_stays()"),
  );
  await travel(database, null);
  // What the host says of the guest waits for the other side's review, and is not shown yet.
  await database.owner.query(
    `insert into app_public.reviews
       (booking_id, listing_id, direction, author_id, subject_id, rating, comment)
     select b.id, b.listing_id, 'host_to_guest', b.host_id, b.guest_id, 4, 'Left early.'
     from app_public.bookings b where b.id = $1`,
    [booking],
  );
}

/** The one value of the one row that a statement returns. */
async function value<T>(
  client: Pick<ClientBase, "query">,
  text: string,
  values: unknown[],
): Promise<T> {
  const { rows } = await client.query<Record<string, T>>(text, values);
  const [found] = Object.values(rows[0] ?? {});
  if (rows.length !== 1 || found === undefined) throw new Error(`not one value: ${text}`);
  return found;
}
