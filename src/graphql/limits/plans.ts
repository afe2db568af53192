/**
 * Bounds the plans that Grafast keeps by what they weigh. Its own cache keeps 500 operations, each
 * with up to fifty plans, however large; some hundred operations with twenty roots were 250 MB.
 */
import type { GraphQLSchema, OperationDefinitionNode } from "postgraphile/graphql";
import { Kept } from "../../kept.ts";
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

  /** Whether an operation has a plan already, for some variables at least. */
  has(operation: OperationDefinitionNode): boolean {
    return this.#kept.get(operation) !== undefined;
  }

  /** Says how many selections an operation has, fragments spread out, before it is planned. */
  expect(operation: OperationDefinitionNode, selections: number): void {
    this.#selections.set(operation, selections);
  }

  /**
   * Counts a plan that Grafast has just made, or found again; undefined is one that failed. Says
   * how many selections were planned: none where it was found again.
   */
  count(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    plan: object | undefined,
  ): number {
    this.#install(schema);
    if (plan !== undefined && this.#weighed.has(plan)) return 0;
    const selections = this.#selections.get(operation) ?? 0;
    if (plan === undefined) {
      // One slow moment must not refuse a good document for the minute that Grafast remembers it.
      this.#kept.delete(operation);
      return selections;
    }
    this.#weighed.add(plan);
    // The cache holds the document as well, also when the reader has dropped it.
    const characters = operation.loc?.source.body.length ?? 0;
    const bytes = characters * LIMITS.bytesPerCharacter + selections * LIMITS.bytesPerSelection;
    this.#kept.grow(operation, bytes);
    return selections;
  }

  /** Grafast exports no name of its cache, which is there since the first plan. */
  #install(schema: GraphQLSchema): void {
    const own: object = schema.extensions.grafast ?? {};
    const name = Object.getOwnPropertySymbols(own).find(
      ({ description }) => description === "cacheByOperation",
    );
    if (name === undefined) throw new Error("Grafast keeps its plans elsewhere; see KeptPlans.");
    if (Reflect.get(own, name) !== this.#kept) Reflect.set(own, name, this.#kept);
  }
}
