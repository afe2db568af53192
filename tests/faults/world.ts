/** The market of a run: one host with three listings, guests, and an operator. */
import { randomUUID } from "node:crypto";
import type { World } from "./clients.ts";
import type { Stage } from "./stage.ts";

export async function makeWorld(stage: Stage, guests: number): Promise<World> {
  const { owner } = stage;
  await owner.query("update app_private.quotas set most = 1000000");
  const person = async (name: string): Promise<string> => {
    const id = randomUUID();
    await owner.query("insert into app_public.users (id, display_name) values ($1, $2)", [
      id,
      name,
    ]);
    await owner.query(
      `insert into app_public.user_contacts (user_id, email, email_verified_at)
       values ($1, $2 || '@faults.example', now())`,
      [id, id],
    );
    return id;
  };
  const host = await person("Hanna");
  const operator = await person("Olga");
  await owner.query("insert into app_private.operators (user_id) values ($1)", [operator]);
  const listings = [];
  for (const mode of ["instant", "instant", "request"]) {
    listings.push(await publish(stage, host, mode));
  }
  const people = [];
  for (let index = 0; index < guests; index += 1) people.push(await person(`Guest ${index}`));
  return { guests: people, host, operator, listings };
}

/** As the host would, in one transaction. */
async function publish({ owner, config }: Stage, host: string, mode: string): Promise<string> {
  const client = await owner.connect();
  try {
    await client.query("begin");
    await client.query(
      "select set_config('role', $1, true), set_config('staybase.user_id', $2, true)",
      [config.database.visitor, host],
    );
    const { rows } = await client.query<{ id: string }>(
      `insert into app_public.listings (title, description, house_rules, booking_mode)
       values ('A flat', 'A quiet flat under the roof, with a view.', 'No parties.', $1)
       returning id`,
      [mode],
    );
    const id = rows[0]?.id ?? "";
    await client.query(
      `select app_public.set_listing_address(
         $1, 'Rua Augusta 1', 'Lisboa', 'PT', 'Europe/Lisbon', -9.1365, 38.7077)`,
      [id],
    );
    await client.query(
      "insert into app_public.listing_photos (listing_id, url) values ($1, 'https://example.com/1')",
      [id],
    );
    await client.query("select app_public.set_listing_rates($1, 'EUR', 10000, null, 5000)", [id]);
    await client.query("select app_public.publish_listing($1)", [id]);
    await client.query("commit");
    return id;
  } finally {
    client.release();
  }
}
