/**
 * `npm run clock`: says what time it is for the database. `-- +25h`, `-- 2027-03-28T00:30Z` and
 * `-- reset` move its clock. It refuses in production.
 */
import { clockOffset, explainOffset, moveClock, readMove } from "./shared/clock.ts";
import { runCommand } from "./shared/command.ts";
import { withClient } from "./shared/connect.ts";
import { DatabaseCommandError } from "./shared/errors.ts";
import { databaseTarget, ownerUrl } from "./shared/settings.ts";

await runCommand(async (config) => {
  const [wish, ...more] = process.argv.slice(2);
  if (more.length > 0) throw new DatabaseCommandError("Give one time, such as: +25h.");
  if (wish !== undefined) {
    const { warning } = await moveClock(config, readMove(wish));
    if (warning !== undefined) console.error(warning);
  }
  const url = ownerUrl(databaseTarget(config));
  await withClient({ url, variable: "ROOT_DATABASE_URL" }, async (client) => {
    const seconds = await clockOffset(client);
    const instant = new Date(Date.now() + seconds * 1000).toISOString();
    console.log(`${explainOffset(seconds)} It is ${instant}.`);
  });
});
