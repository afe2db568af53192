/** `npm run operator:list`: who is an operator, and since when. */
import { runCommand } from "../shared/command.ts";
import { listOperators } from "../shared/operators.ts";

await runCommand(async (config) => {
  for (const { email, since } of await listOperators(config)) {
    console.log(`${since.toISOString().slice(0, 10)}  ${email}`);
  }
});
