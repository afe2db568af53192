/**
 * Leaves of all aggregates the sums: they are what a statement of money needs, and means and
 * deviations of a few rows tell nothing. Where there are aggregates at all, tags.json5 says, and
 * what a sum must be grouped or filtered by; that it is, is judged in limits/sums.ts.
 */
import "@graphile/pg-aggregates";
import "postgraphile";
import {
  type PgCodecAttribute,
  type PgCodecWithAttributes,
  type PgSelectQueryBuilder,
  sql,
  TYPES,
} from "postgraphile/@dataplan/pg";

/** What decides about the sums of a table: names of the API in its enum `groupBy` or its filter. */
export interface SumRules {
  /** Sums of unlike values of this column add up to nothing: each sum is of one of them. */
  readonly groupedBy: readonly string[];
  /** It decides whether a row counts: sums are grouped by it, or a filter names what counts. */
  readonly decidedBy: readonly string[];
}

declare module "postgraphile/graphql" {
  interface GraphQLFieldExtensions<_TSource, _TContext, _TArgs> {
    sumRules?: SumRules;
  }
}

/** Removes every aggregate but `sum`, and sums that are not grouped; tells what a sum needs. */
export const SumsOnlyPlugin: GraphileConfig.Plugin = {
  name: "StaybaseSumsOnlyPlugin",
  version: "1.0.0",
  after: [
    "PgAggregatesSpecsPlugin",
    "PgAggregatesAddConnectionAggregatesPlugin",
    "PgAggregatesAddConnectionGroupedAggregatesPlugin",
    "PgAggregatesAddGroupByAggregateEnumValuesForAttributesPlugin",
  ],
  schema: {
    hooks: {
      build(build) {
        const specs = build.pgAggregateSpecs ?? [];
        build.pgAggregateSpecs = specs.filter((spec) => spec.id === "sum");
        // A statement is of a month; the library knows hours and days alone, and no dates.
        build.pgAggregateGroupBySpecs?.push({
          id: "truncated-to-month",
          isSuitableType: (codec) => codec === TYPES.date,
          sqlWrap: (fragment) => sql`date_trunc('month', ${fragment}::timestamp)::date`,
          sqlWrapCodec: (codec) => codec,
        });
        return build;
      },
      GraphQLEnumType_values(values, build, { scope }) {
        const attributes: Readonly<Record<string, PgCodecAttribute>> =
          (scope.isPgAggregateGroupEnum && scope.pgTypeResource?.codec.attributes) || {};
        const enums = Object.entries(attributes).filter(([, { codec }]) => "values" in codec);
        for (const [column] of enums) {
          const value = values[build.inflection.constantCase(column)];
          // A value is written as everywhere else in the API.
          const apply = (query: PgSelectQueryBuilder): void =>
            query.groupBy({
              fragment: sql`upper(${query.alias}.${sql.identifier(column)}::text)`,
              codec: TYPES.text,
            });
          if (value) value.extensions = { ...value.extensions, grafast: { apply } };
        }
        return values;
      },
      GraphQLObjectType_fields(fields, build, { scope }) {
        if (scope.isPgConnectionRelated !== true) return fields;
        const { aggregates: _everything, groupedAggregates, ...rest } = fields;
        if (groupedAggregates === undefined) return rest;
        const codec = scope.pgCodec as PgCodecWithAttributes;
        const tags = build.pgTableResource(codec)?.extensions?.tags ?? {};
        const rules: SumRules = {
          groupedBy: listOf(tags.sumsGroupedBy),
          decidedBy: listOf(tags.sumsDecidedBy),
        };
        const extensions = { ...groupedAggregates.extensions, sumRules: rules };
        const described = { ...groupedAggregates, extensions, description: describe(rules) };
        return { ...rest, groupedAggregates: described };
      },
    },
  },
};

const listOf = (tag: unknown): string[] => (typeof tag === "string" ? tag.split(",") : []);

function describe({ groupedBy, decidedBy }: SumRules): string {
  const groups = groupedBy.map((name) => `Group by ${name}: unlike ones do not add up.`);
  const filters = decidedBy.map(
    (name) => `Group by ${name} too, or name in the filter which ones count.`,
  );
  return ["Sums by group, of all rows that match, on whatever page.", ...groups, ...filters].join(
    " ",
  );
}
