/** Where a listing is: to everybody some 200 m off, exactly only to who may know. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asVisitor,
  completeListing,
  draft,
  hold,
  NOON,
  one,
  pay,
  publishedListing,
  refusal,
  somebody,
  stopClock,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
let guest: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
});

interface Place {
  readonly longitude: number;
  readonly latitude: number;
}

/** Metres between two places on a sphere of the Earth's mean radius. */
function metres(from: Place, to: Place): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const haversine = (angle: number): number => Math.sin(angle / 2) ** 2;
  const share =
    haversine(radians(to.latitude - from.latitude)) +
    Math.cos(radians(from.latitude)) *
      Math.cos(radians(to.latitude)) *
      haversine(radians(to.longitude - from.longitude));
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(share));
}

async function publicPlace(id: string): Promise<Place> {
  const found = await asOwner(
    database,
    "select public_longitude, public_latitude from app_public.listings where id = $1",
    [id],
  );
  const { public_longitude, public_latitude } = one(found);
  return { longitude: Number(public_longitude), latitude: Number(public_latitude) };
}

const move = (id: string, { longitude, latitude }: Place, street = "Rua Augusta 2") =>
  asVisitor(
    database,
    host,
    "select app_public.set_listing_address($1, $2, 'Lisboa', 'PT', 'Europe/Lisbon', $3, $4)",
    [id, street, longitude, latitude],
  );

describe("the public place", () => {
  test("is 150 to 250 m from the true one, wherever that is", async () => {
    const places: Place[] = [
      { longitude: -9.1365, latitude: 38.7077 },
      { longitude: 174.7633, latitude: -36.8485 },
      { longitude: 0, latitude: 0 },
      { longitude: 25.7482, latitude: 71.1695 },
      { longitude: 179.9999, latitude: -16.8 },
      { longitude: -179.9999, latitude: -16.8 },
    ];
    for (const place of places) {
      const moved = await publicPlace(await completeListing(database, host, place));
      const distance = metres(place, moved);
      // A degree is taken as 111,320 m everywhere, which is right to one per cent.
      expect(distance).toBeGreaterThan(148);
      expect(distance).toBeLessThan(252.5);
      expect(Math.abs(moved.longitude)).toBeLessThanOrEqual(180);
    }
  });

  test("is not moved anew by an edit: moves cannot be averaged away", async () => {
    const place = { longitude: -9.1365, latitude: 38.7077 };
    const id = await completeListing(database, host, place);
    const first = await publicPlace(id);
    await move(id, place, "Rua Augusta 3");
    await move(id, { longitude: 2.35, latitude: 48.85 });
    await move(id, place);
    expect(await publicPlace(id)).toEqual(first);
  });

  test("differs from host to host, and from place to place", async () => {
    const place = { longitude: -9.1365, latitude: 38.7077 };
    const north = { longitude: -9.1365, latitude: 39.7077 };
    const a = await publicPlace(await completeListing(database, host, place));
    const neighbour = await somebody(database, "Nina");
    expect(await publicPlace(await completeListing(database, neighbour, place))).not.toEqual(a);
    const b = await publicPlace(await completeListing(database, host, north));
    expect(b.latitude - north.latitude).not.toBeCloseTo(a.latitude - place.latitude, 6);
  });

  test("of a host's rooms in one house is moved alike: several points would give it away", async () => {
    const somebodyElse = await somebody(database, "Rita");
    const room = (longitude: number, latitude: number) =>
      completeListing(database, somebodyElse, { longitude, latitude });
    const a = await publicPlace(await room(2.3522, 48.8566));
    const b = await publicPlace(await room(2.3523, 48.8567));
    expect(b.longitude - a.longitude).toBeCloseTo(0.0001, 5);
    expect(b.latitude - a.latitude).toBeCloseTo(0.0001, 5);
  });

  test("cannot be undone: nobody reads the move", async () => {
    const id = await completeListing(database, host);
    for (const role of [host, null]) {
      const read = asVisitor(database, role, "select * from app_private.listing_offsets");
      expect(await refusal(read)).toBe("42501");
    }
    const there = "select from app_private.listing_offsets where listing_id = $1";
    expect(await asOwner(database, there, [id])).toHaveLength(1);
  });
});

describe("the exact address", () => {
  const ADDRESS = "select street from app_public.listing_addresses where listing_id = $1";
  const seenBy = (reader: string | null, id: string) =>
    database.withVisitor(reader, async (client) => (await client.query(ADDRESS, [id])).rows);
  const street = [{ street: "Rua Augusta 1" }];

  test("is for the host, the operator and a guest whose booking is confirmed", async () => {
    const id = await publishedListing(database, host);
    const booking = await hold(database, guest, id);
    expect(await seenBy(guest, id)).toEqual([]);
    await pay(database, guest, booking);
    expect(await seenBy(guest, id)).toEqual(street);
    expect(await seenBy(host, id)).toEqual(street);
    expect(await seenBy(await somebody(database), id)).toEqual([]);
    expect(await seenBy(null, id)).toEqual([]);
    const operator = await database.withOperator(guest, async (client) => {
      const { rows } = await client.query(ADDRESS, [id]);
      return rows;
    });
    expect(operator).toEqual(street);
    expect(await asOwner(database, ADDRESS, [id])).toEqual(street);
  });

  test("is not shown to a guest who gave the booking up", async () => {
    const id = await publishedListing(database, host);
    const booking = await hold(database, guest, id);
    await asVisitor(database, guest, "select app_public.cancel_hold($1)", [booking]);
    expect(await seenBy(guest, id)).toEqual([]);
    expect(await asOwner(database, ADDRESS, [id])).toEqual(street);
  });
});

describe("an address", () => {
  const set = (...values: unknown[]) =>
    asVisitor(
      database,
      host,
      "select app_public.set_listing_address($1, $2, $3, $4, $5, $6, $7)",
      values,
    );

  test("is on Earth, in a country, in a zone that the IANA knows", async () => {
    const id = await draft(database, host);
    const good = ["Rua Augusta 1", "Lisboa", "pt", "Europe/Lisbon", -9.1, 38.7] as const;
    await expect(set(id, ...good)).resolves.toHaveLength(1);
    const change = (position: number, value: unknown) =>
      set(id, ...good.map((usual, index) => (index === position ? value : usual)));
    for (const [position, values] of [
      [0, [" ", "x".repeat(301), `${" ".repeat(1_000_000)}x`]],
      [1, ["", "x".repeat(201), null]],
      [2, ["Portugal", "P1", null]],
      [3, ["Lisbon", "UTC+1", "EST5EDT", "Made/Up", "Made/Up+5", "Etc/GMT+99", "", null]],
      [4, [181, -181, "NaN", "Infinity"]],
      [5, [91, -91, "NaN", "-Infinity"]],
    ] as const) {
      for (const value of values) expect(await refusal(change(position, value))).toBe("23514");
    }
    for (const zone of ["UTC", "Etc/GMT+5", "America/Port-au-Prince", "Pacific/Auckland"]) {
      await expect(change(3, zone)).resolves.toHaveLength(1);
    }
    expect(await refusal(change(0, null))).toBe("23502");
  });
});
