/**
 * Leaves of all aggregates the sums: they are what a statement of money needs, and means and
 * deviations of a few rows tell nothing. And leaves sums by group alone: a sum over everything
 * would add yen to euros. Where there are aggregates at all, tags.json5 says.
 */
import "@graphile/pg-aggregates";
import "postgraphile";

/** Removes every aggregate but `sum`, and sums that are not grouped. */
export const SumsOnlyPlugin: GraphileConfig.Plugin = {
  name: "StaybaseSumsOnlyPlugin",
  version: "1.0.0",
  after: ["PgAggregatesSpecsPlugin", "PgAggregatesAddConnectionAggregatesPlugin"],
  schema: {
    hooks: {
      build(build) {
        const specs = build.pgAggregateSpecs ?? [];
        build.pgAggregateSpecs = specs.filter((spec) => spec.id === "sum");
        return build;
      },
      GraphQLObjectType_fields(fields, _build, { scope }) {
        if (scope.isPgConnectionRelated !== true) return fields;
        const { aggregates: _everything, ...rest } = fields;
        return rest;
      },
    },
  },
};
