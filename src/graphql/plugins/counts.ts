/**
 * Counts: how many rows match is counted up to a bound, and `isExact` says whether that is all. A
 * number beyond some pages tells a person nothing, and to count a large table reads all of it. What
 * belongs to each row of a list is counted as a whole, by the index of its key.
 */
import "postgraphile";
import type { PgSelectStep } from "postgraphile/@dataplan/pg";
import { type ConnectionStep, constant, lambda, type Step } from "postgraphile/grafast";
import { memberOf, textIn } from "../../values.ts";
import { LIMITS } from "../limits/limits.ts";

type Plan = ($connection: ConnectionStep<unknown>) => Step;

export const CountsPlugin: GraphileConfig.Plugin = {
  name: "StaybaseCountsPlugin",
  version: "1.0.0",
  after: ["PgConnectionTotalCountPlugin"],
  schema: {
    hooks: {
      GraphQLObjectType_fields(fields, build, { fieldWithHooks, Self }) {
        if (fields.totalCount === undefined) return fields;
        const { GraphQLBoolean, GraphQLNonNull } = build.graphql;
        const plan: Plan = ($connection) =>
          isInList($connection)
            ? constant(true)
            : lambda(matching($connection), (rows) => rows.length <= LIMITS.countMost);
        const isExact = fieldWithHooks({ fieldName: "isExact" }, () => ({
          type: new GraphQLNonNull(GraphQLBoolean),
          description:
            "Whether `totalCount` is all that match; it ends at 1000 where there are more.",
          plan: plan as never,
        }));
        return build.extend(fields, { isExact }, `Adding isExact to ${Self.name}`);
      },
      GraphQLObjectType_fields_field(field, _build, { scope }) {
        const { plan: countAll } = field;
        if (scope.isPgConnectionTotalCountField !== true || !countAll) return field;
        const plan: typeof countAll = ($connection, ...rest) => {
          if (isInList($connection)) return countAll($connection, ...rest);
          const $rows = matching($connection as unknown as ConnectionStep<unknown>);
          return lambda($rows, (rows) => Math.min(rows.length, LIMITS.countMost));
        };
        return { ...field, plan };
      },
    },
  },
};

/** Whether there is such a connection for each of several rows. Grafast's types leave it out. */
function isInList($connection: Step): boolean {
  const layer = textIn(memberOf(memberOf($connection, "layerPlan"), "reason"), "type");
  if (layer === undefined) throw new Error("Grafast has its layers elsewhere; see counts.ts.");
  return layer !== "root";
}

/**
 * The rows that match, without a column: at most one more than are counted. By way of an aggregate,
 * for that knows neither the page nor its order.
 */
function matching($connection: ConnectionStep<unknown>): Step<readonly unknown[]> {
  const $all = $connection.cloneSubplanWithoutPagination("aggregate") as unknown as PgSelectStep;
  const $rows = $all.clone("normal");
  $rows.setFirst(constant(LIMITS.countMost + 1));
  return $rows.items() as Step<readonly unknown[]>;
}
