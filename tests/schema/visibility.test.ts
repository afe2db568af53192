/** The rules of visibility.ts hold in a world with rows in every state. */
import { beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { buildWorld, differences, type World } from "./visibility.ts";

const database = testDatabase();
let world: World;

beforeAll(async () => {
  world = await buildWorld(database);
});

test("everybody sees and changes the rows that the rules give them, and no other", async () => {
  const found = await database.scenario((scenario) =>
    Array.fromAsync(differences(scenario, world)),
  );
  expect(found).toEqual([]);
});
