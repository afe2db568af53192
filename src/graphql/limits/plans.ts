/**
 * Bounds the plans that Grafast keeps by what they weigh. Its own cache keeps 500 operations, each
 * with up to fifty plans, however large; some hundred operations with twenty roots were 250 MB.
 */
import type { GraphQLSchema, OperationDefinitionNode } from "postgraphile/graphql";
import { Kept } from "../../kept.ts";
import { isRecord, memberOf } from "../../values.ts";
import { LIMITS } from "./limits.ts";

/** The plans of each schema that is served. */
export function keptPlansBySchema(): (schema: GraphQLSchema) => KeptPlans {
  const bySchema = new WeakMap<GraphQLSchema, KeptPlans>();
  return (schema) => {
    const kept = bySchema.get(schema) ?? new KeptPlans();
    bySchema.set(schema, kept);
    return kept;
  };
}

/** Weighs plans, which Grafast itself puts into the cache that it is given. */
export class KeptPlans {
  readonly #kept = new Kept<OperationDefinitionNode, unknown>(LIMITS.planBytes);
  readonly #selections = new WeakMap<OperationDefinitionNode, number>();
  readonly #weighed = new WeakSet<object>();
  #isInstalled = false;

  /** Whether an operation has a plan already, for some variables at least. */
  has(operation: OperationDefinitionNode): boolean {
    return this.#kept.get(operation) !== undefined;
  }

  /** Says how many selections an operation has, fragments spread out, before it is planned. */
  expect(operation: OperationDefinitionNode, selections: number): void {
    this.#selections.set(operation, selections);
  }

  /**
   * Counts the plan that an operation has just been given. Says how many selections were planned:
   * none where it was found again, or where the operation was refused before.
   */
  count(schema: GraphQLSchema, operation: OperationDefinitionNode): number {
    const selections = this.#selections.get(operation) ?? 0;
    // Grafast's own cache had the first plan.
    if (!this.#isInstalled && this.#install(schema)) return selections;
    // Grafast has a list of plans for each operation, the one used last at its head.
    const head = memberOf(memberOf(this.#kept.get(operation), "possibleOperationPlans"), "value");
    if (memberOf(head, "error") !== undefined) {
      // One slow moment must not refuse a good document for the minute that Grafast remembers it.
      this.#kept.delete(operation);
      return selections;
    }
    const plan = memberOf(head, "operationPlan");
    if (!isRecord(plan) || this.#weighed.has(plan)) return 0;
    this.#weighed.add(plan);
    // The cache holds the document as well, also when the reader has dropped it.
    const characters = operation.loc?.source.body.length ?? 0;
    const bytes = characters * LIMITS.bytesPerCharacter + selections * LIMITS.bytesPerSelection;
    this.#kept.grow(operation, bytes);
    return selections;
  }

  /** Takes the place of Grafast's cache, which is there since the first plan and has no name. */
  #install(schema: GraphQLSchema): boolean {
    const own: object = schema.extensions.grafast ?? {};
    const name = Object.getOwnPropertySymbols(own).find(
      ({ description }) => description === "cacheByOperation",
    );
    if (name === undefined) return false;
    Reflect.set(own, name, this.#kept);
    this.#isInstalled = true;
    return true;
  }
}
