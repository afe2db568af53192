/** What breaks clients between two GraphQL schemas, one sentence each. */
import { type Change, CriticalityLevel, diff } from "@graphql-inspector/core";
// The inspector's own copy: schemas of another one are none to it.
import { buildSchema } from "graphql";

export async function compareSdl(before: string, after: string): Promise<string[]> {
  const changes = await diff(buildSchema(before), buildSchema(after));
  return changes.filter(breaks).map(({ message }) => message);
}

/** Another default is what the inspector calls dangerous; a client that relies on it breaks. */
function breaks({ criticality, type }: Change): boolean {
  return criticality.level === CriticalityLevel.Breaking || type.includes("DEFAULT");
}
