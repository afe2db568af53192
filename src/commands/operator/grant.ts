/** `npm run operator:grant -- <e-mail address>`: makes somebody an operator. */
import { runCommand } from "../shared/command.ts";
import { readAddress, setOperator } from "../shared/operators.ts";

await runCommand(async (config) => {
  const { changed, userId } = await setOperator(config, readAddress(process.argv.slice(2)), true);
  console.log(
    changed
      ? `${userId} is an operator now, and was signed out everywhere.`
      : `${userId} was an operator already.`,
  );
});
