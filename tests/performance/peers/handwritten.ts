/**
 * What a good engineer writes by hand for four requests: Express 5 and pg, one statement each that
 * makes the JSON, in a transaction with the same role and claims as ours. It has no limits, no
 * validation and no log: it is the floor that ours is measured against.
 */
import express from "express";
import pg from "pg";
import { createTokens } from "../../../src/resources/tokens.ts";

const [port, visitor, key] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const tokens = createTokens({ tokens: { keys: [key] } } as never);

const HOST = "json_build_object('id', u.id, 'displayName', u.display_name)";
const PHOTOS = `coalesce((select json_agg(json_build_object('url', p.url) order by p.position, p.id)
  from app_public.listing_photos p where p.listing_id = l.id), '[]')`;

const STATEMENTS = {
  list: `select coalesce(json_agg(x), '[]') as nodes from (
    select l.id, l.title, l.city, ${HOST} as host
    from app_public.listings l join app_public.users u on u.id = l.host_id
    order by l.id limit 20) x`,
  page: `select json_build_object('id', l.id, 'title', l.title, 'description', l.description,
      'host', ${HOST}, 'photos', ${PHOTOS},
      'amenities', coalesce((select json_agg(json_build_object('amenityCode', a.amenity_code)
        order by a.listing_id, a.amenity_code)
        from app_public.listing_amenities a where a.listing_id = l.id), '[]'),
      'rates', (select json_build_object('currency', r.currency,
        'nightlyAmount', r.nightly_amount::text)
        from app_public.listing_rates r where r.listing_id = l.id),
      'reviews', json_build_object('nodes', coalesce((select json_agg(v) from (
        select r.id, r.rating, r.comment,
          json_build_object('displayName', w.display_name) as author
        from app_public.reviews r join app_public.users w on w.id = r.author_id
        where r.listing_id = l.id order by r.id desc limit 10) v), '[]'))) as listing
    from app_public.listings l join app_public.users u on u.id = l.host_id where l.id = $1`,
  search: `select coalesce(json_agg(x), '[]') as nodes from (
    select s.total_amount::text as "totalAmount", s.currency, json_build_object('id', l.id,
      'title', l.title, 'photos', ${PHOTOS}) as listing
    from app_public.search_listings(west => $1, south => $2, east => $3, north => $4,
      check_in => $5, check_out => $6, guests => 2, page_size => 20) s
    left join app_public.listings l on l.id = s.listing_id) x`,
  mine: `select coalesce(json_agg(x), '[]') as nodes from (
    select b.id, b.status, b.check_in as "checkIn", b.check_out as "checkOut",
      b.total_amount::text as "totalAmount", json_build_object('title', l.title) as listing
    from app_public.bookings b left join app_public.listings l on l.id = b.listing_id
    order by b.id desc limit 20) x`,
};

const app = express();
app.disable("x-powered-by").set("etag", false);
for (const [name, text] of Object.entries(STATEMENTS)) {
  app.get(`/${name}`, async (request, response) => {
    const token = request.headers.authorization?.slice("Bearer ".length);
    const result = token === undefined ? undefined : tokens.verifyAccessToken(token);
    const userId = result?.ok === true ? result.claims.userId : "";
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query(
        "select set_config('role', $1, true), set_config('staybase.user_id', $2, true)",
        [visitor, userId],
      );
      const values = Object.values(request.query);
      const { rows } = await client.query({ name, text, values });
      await client.query("commit");
      response.json(rows[0]);
    } catch (error) {
      await client.query("rollback");
      response.status(500).json({ error: String(error) });
    } finally {
      client.release();
    }
  });
}
app.listen(Number(port), "127.0.0.1", () => console.log("listening"));
