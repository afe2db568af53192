/** What breaks clients between two GraphQL schemas, one sentence each. */
import { CriticalityLevel, diff } from "@graphql-inspector/core";
// The inspector's own copy: schemas of another one are none to it.
import { buildSchema } from "graphql";

export async function compareSdl(before: string, after: string): Promise<string[]> {
  const changes = await diff(buildSchema(before), buildSchema(after));
  return changes
    .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
    .map(({ message }) => message);
}
