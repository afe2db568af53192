/** Where a listing is: to everybody some 200 m off, exactly only to who may know. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { cases } from "../../helpers/cases.ts";
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
import { drawFrom } from "../../helpers/generate.ts";

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

  test("of a host's rooms in one house is one: several points would give it away", async () => {
    const somebodyElse = await somebody(database, "Rita");
    const room = (longitude: number, latitude: number) =>
      completeListing(database, somebodyElse, { longitude, latitude });
    const a = await publicPlace(await room(2.3522, 48.8566));
    const b = await publicPlace(await room(2.3523, 48.8567));
    expect(b).toEqual(a);
  });

  test("cannot be undone: nobody reads the move", async () => {
    const id = await completeListing(database, host);
    for (const role of [host, null]) {
      const read = asVisitor(database, role, "select * from app_private.public_places");
      expect(await refusal(read)).toBe("42501");
    }
    const there = `select from app_private.public_places p
      join app_public.listings l on l.host_id = p.host_id
        and l.public_longitude = p.public_longitude and l.public_latitude = p.public_latitude
      where l.id = $1`;
    expect(await asOwner(database, there, [id])).toHaveLength(1);
  });
});

describe("somebody who has stayed in one of a host's homes", () => {
  const METRES = 111_320;
  /** A place some metres to the east and to the north of another. */
  const beside = ({ longitude, latitude }: Place, east: number, north: number): Place => ({
    longitude: longitude + east / (METRES * Math.cos((latitude * Math.PI) / 180)),
    latitude: latitude + north / METRES,
  });
  /** From one place to another, in metres east and north. */
  const between = (from: Place, to: Place): readonly [number, number] => [
    (to.longitude - from.longitude) * METRES * Math.cos((from.latitude * Math.PI) / 180),
    (to.latitude - from.latitude) * METRES,
  ];
  const mean = (places: readonly Place[]): Place => ({
    longitude: places.reduce((sum, { longitude }) => sum + longitude, 0) / places.length,
    latitude: places.reduce((sum, { latitude }) => sum + latitude, 0) / places.length,
  });

  /** What the guest of the first home knows how to compute of another, by name. */
  function estimates(home: Place, points: readonly Place[], of: number): Record<string, Place> {
    const [east, north] = between(home, points[0] as Place);
    const point = points[of] as Place;
    const whole = mean([...new Map(points.map((at) => [JSON.stringify(at), at])).values()]);
    return {
      point,
      movedBack: beside(point, -east, -north),
      mean: whole,
      meanMovedBack: beside(whole, -east, -north),
    };
  }

  /** How far each estimate is off, for homes that are no part of the guest's own house. */
  function errorsOf(
    homes: readonly Place[],
    points: readonly Place[],
  ): (readonly [string, number])[] {
    const [first] = homes as [Place];
    return homes.flatMap((home, of) =>
      metres(home, first) < 120
        ? []
        : Object.entries(estimates(first, points, of)).map(
            ([name, guess]) => [name, metres(home, guess)] as const,
          ),
    );
  }

  /** How far estimates are off at least, over houses of a host that somebody places. */
  async function leastErrors(
    label: string,
    rounds: number,
    place: (first: Place) => readonly Place[],
  ): Promise<Map<string, number[]>> {
    const draw = drawFrom(11);
    const errors = new Map<string, number[]>();
    for (let round = 0; round < rounds; round += 1) {
      const owner = await somebody(database, `${label} ${round}`);
      const first = { longitude: draw.integer(-170, 170), latitude: draw.integer(-60, 60) };
      const homes = [first, ...place(first)];
      const points: Place[] = [];
      for (const home of homes) {
        points.push(await publicPlace(await completeListing(database, owner, home)));
      }
      for (const [name, error] of errorsOf(homes, points)) {
        errors.set(name, [...(errors.get(name) ?? []), error]);
      }
    }
    for (const all of errors.values()) all.sort((a, b) => a - b);
    return errors;
  }

  test("cannot compute where the others are, to 100 m", async () => {
    const draw = drawFrom(11);
    const errors = await leastErrors("Host", 30, (first) =>
      Array.from({ length: draw.integer(1, 3) }, () => {
        const [bearing, distance] = [draw.integer(0, 359), draw.integer(130, 600)];
        const radians = (bearing * Math.PI) / 180;
        return beside(first, distance * Math.sin(radians), distance * Math.cos(radians));
      }),
    );
    // What points at one home is never near it; a mean is near one by chance alone.
    for (const name of ["point", "movedBack"]) expect(errors.get(name)?.[0]).toBeGreaterThan(100);
    for (const name of ["mean", "meanMovedBack"]) {
      const all = errors.get(name) ?? [];
      expect(all[Math.floor(all.length / 4)]).toBeGreaterThan(100);
    }
  });

  test("nor where two are that stand side by side", async () => {
    const draw = drawFrom(13);
    const errors = await leastErrors("Neighbour", cases(200, 40), (first) => {
      const home = beside(first, draw.integer(130, 400), draw.integer(-200, 200));
      const side = (): number => draw.integer(0, 1) * 54 - 27;
      return [home, beside(home, side(), side())];
    });
    for (const name of ["point", "movedBack"]) expect(errors.get(name)?.[0]).toBeGreaterThan(100);
  });

  test("cannot compute where it has moved to", async () => {
    const draw = drawFrom(12);
    for (let round = 0; round < 20; round += 1) {
      const owner = await somebody(database, `Mover ${round}`);
      const home = { longitude: draw.integer(-170, 170), latitude: draw.integer(-60, 60) };
      const id = await completeListing(database, owner, home);
      const point = await publicPlace(id);
      const next = beside(home, draw.integer(500, 90_000), draw.integer(500, 90_000));
      await asVisitor(
        database,
        owner,
        "select app_public.set_listing_address($1, 'Rua 2', 'Lisboa', 'PT', 'UTC', $2, $3)",
        [id, next.longitude, next.latitude],
      );
      const [east, north] = between(home, point);
      const guess = beside(await publicPlace(id), -east, -north);
      expect(metres(guess, next)).toBeGreaterThan(100);
    }
  });

  test("could where the points were moved alike (negative control)", async () => {
    const homes = [
      { longitude: 2.35, latitude: 48.85 },
      { longitude: 2.35, latitude: 48.853 },
    ];
    const alike = homes.map((home) => beside(home, 120, 160));
    const errors = new Map(errorsOf(homes, alike));
    expect(errors.get("movedBack")).toBeLessThan(5);
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
