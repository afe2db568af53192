/**
 * Fifty guests want the same nights of one listing at the same moment, again and again. Used by the test that proves that
 * one of them wins, by its negative control, and by whoever wants to see the figures.
 */
import { loadConfig } from "../../src/config/index.ts";
import { createTokens } from "../../src/resources/tokens.ts";
import { apiClient, type Client } from "../helpers/client.ts";
import type { TestDatabase } from "../helpers/database.ts";
import { TEST_JWT_KEY } from "../helpers/marketplace.ts";
import { CREATE_BOOKING } from "./stay.ts";

export interface RaceResult {
  /** Winners of each round. */
  readonly winners: readonly number[];
  /** How often each code, with its status as in "DATES_UNAVAILABLE 409", was told to a loser. */
  readonly codes: Readonly<Record<string, number>>;
  /** HTTP answers of 500 and above, and requests that broke. */
  readonly serverErrors: number;
  /** Milliseconds that losers waited, in rising order. */
  readonly loserMs: readonly number[];
}

export interface Race {
  readonly clients: readonly Client[];
  /** quoteIds[round][client] */
  readonly quoteIds: readonly (readonly string[])[];
}

/** A published listing, so many guests with tokens, and a quote for each guest and round. */
export async function prepareRace(
  database: TestDatabase,
  servers: readonly string[],
  size: { readonly clients: number; readonly rounds: number },
): Promise<Race> {
  const client = await database.owner.connect();
  try {
    await client.query("begin");
    await client.query(IMPORT_LISTING);
    const listing = await client.query<{ id: string }>(LISTING);
    const guests = await client.query<{ id: string }>(GUESTS, [size.clients]);
    const guestIds = guests.rows.map((row) => row.id);
    const quotes = await client.query<{ quote_ids: string[] }>(QUOTES, [
      listing.rows[0]?.id,
      guestIds,
      size.rounds,
    ]);
    await client.query("commit");
    const tokens = createTokens(loadConfig({ NODE_ENV: "test", JWT_KEYS: TEST_JWT_KEY }));
    const clients = guestIds.map((userId, index) => {
      const { token } = tokens.signAccessToken({ userId, sessionId: userId, role: "visitor" });
      return apiClient(servers[index % servers.length] ?? "", token);
    });
    return { clients, quoteIds: quotes.rows.map((row) => row.quote_ids) };
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

const IMPORT_LISTING = `
    select app_private.import_listing('race', jsonb_build_object(
      'externalId', '1',
      'host', jsonb_build_object('externalId', '1', 'displayName', 'Hana'),
      'title', 'The wanted house', 'description', 'Everybody wants it.', 'type', 'entire_home',
      'maxGuests', 4, 'bedrooms', 1, 'beds', 2, 'bathrooms', 1, 'minNights', 1, 'maxNights', 30,
      'bookingMode', 'instant', 'street', 'Main Street 1', 'city', 'Lisbon', 'countryCode', 'PT',
      'timeZone', 'Europe/Lisbon', 'longitude', -9.14, 'latitude', 38.71,
      'rates', jsonb_build_object('currency', 'EUR', 'nightlyAmount', 10000),
      'photoUrls', jsonb_build_array('https://example.com/1.jpg'), 'amenityCodes', '[]'::jsonb,
      'blockedNights', '[]'::jsonb, 'datedRates', '[]'::jsonb
    ))`;

const LISTING = "select listing_id as id from app_private.imported_listings where source = 'race'";

const GUESTS = `
  insert into app_public.users (display_name)
  select 'Guest ' || n from generate_series(1, $1::integer) n
  returning id`;

/** Each round has two nights of its own; each guest has a quote for them. */
const QUOTES = `
  with rounds as (
    select n as round, current_date + 2 * n as check_in from generate_series(1, $3::integer) n
  ), priced as (
    select r.round, p.*
    from rounds r
    cross join lateral app_public.quote($1::uuid, r.check_in, r.check_in + 2, 2) p
  ), quoted as (
    insert into app_public.quotes (
      listing_id, guest_id, check_in, check_out, guests, currency, total_amount, host_amount,
      platform_amount, cancellation_policy
    )
    select p.listing_id, guest_id, p.check_in, p.check_out, p.guests, p.currency, p.total_amount,
      p.host_amount, p.total_amount - p.host_amount, 'moderate'
    from priced p cross join unnest($2::uuid[]) guest_id
    returning id, guest_id, check_in
  ), lines as (
    insert into app_public.quote_line_items (
      quote_id, position, code, rule, currency, unit_amount, quantity, amount, payer, payee
    )
    select q.id, i.position, i.code, i.rule, i.currency, i.unit_amount, i.quantity, i.amount,
      i.payer, i.payee
    from quoted q
    join priced p on p.check_in = q.check_in
    cross join lateral unnest(p.line_items) with ordinality
      i (code, rule, currency, unit_amount, quantity, amount, payer, payee, position)
  )
  select array_agg(q.id order by array_position($2::uuid[], q.guest_id)) as quote_ids
  from quoted q group by q.check_in order by q.check_in`;

/** Runs all rounds; in each, every client asks at the same moment. */
export async function runRace(race: Race): Promise<RaceResult> {
  const winners: number[] = [];
  const codes: Record<string, number> = {};
  const loserMs: number[] = [];
  let serverErrors = 0;
  for (const [round, quoteIds] of race.quoteIds.entries()) {
    let won = 0;
    // Each round another guest sends first, or one would soon hold too many stays.
    const order = race.clients.map((_client, index) => (index + round) % race.clients.length);
    await Promise.all(
      order.map(async (index) => {
        const client = race.clients[index] as Client;
        const started = performance.now();
        const variables = { quoteId: quoteIds[index], key: `race-${round}-${index}` };
        const answer = await client.send(CREATE_BOOKING, variables).catch(() => undefined);
        if (answer === undefined || answer.status >= 500) serverErrors += 1;
        else if (answer.errors.length === 0) won += 1;
        else {
          const { code, status } = answer.errors[0]?.extensions ?? {};
          const told = `${code} ${status}`;
          codes[told] = (codes[told] ?? 0) + 1;
          loserMs.push(performance.now() - started);
        }
      }),
    );
    winners.push(won);
  }
  return { winners, codes, serverErrors, loserMs: loserMs.sort((a, b) => a - b) };
}

/** The value that so many per cent of the sorted values do not exceed. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
}
