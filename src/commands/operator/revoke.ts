/** `npm run operator:revoke -- <e-mail address>`: takes the operator's rights from somebody. */
import { runCommand } from "../shared/command.ts";
import { readAddress, setOperator } from "../shared/operators.ts";

await runCommand(async (config) => {
  const { changed, userId } = await setOperator(config, readAddress(process.argv.slice(2)), false);
  console.log(
    changed
      ? `${userId} is no operator now, and was signed out everywhere.`
      : `${userId} was no operator already.`,
  );
});
