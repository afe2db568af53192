/** Claims about times of day: hours and minutes, both ways. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { codesOf, type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let market: Market;
let server: GraphqlServer;

beforeAll(async () => {
  market = await buildMarket(database);
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

const UPDATE = `mutation ($id: UUID!, $time: Time!) {
  updateListing(input: { id: $id, patch: { checkInFrom: $time } }) { listing { checkInFrom } }
}`;
const write = (time: string) =>
  server
    .signedIn(market.a.host)
    .send<{ updateListing: { listing: { checkInFrom: string } } }>(UPDATE, {
      id: market.a.draft,
      time,
    });

const pad = (value: number): string => String(value).padStart(2, "0");

test("what is written is what is read", async () => {
  for (let hour = 0; hour < 24; hour += 1) {
    const time = `${pad(hour)}:${pad((hour * 7) % 60)}`;
    const { data, errors } = await write(time);
    expect(errors).toEqual([]);
    expect(data?.updateListing.listing.checkInFrom).toBe(time);
  }
});

test.each(["15:00:00", "3:00", "24:00", "25:00", "15:60", "1500", "allballs", "15:00+02", ""])(
  "%s is refused",
  async (time) => {
    expect(codesOf(await write(time))).toEqual(["INVALID_INPUT"]);
  },
);
