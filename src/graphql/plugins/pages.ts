/**
 * Pages: a connection that is asked for without a size has 20 rows, a plain list 100. Their order
 * is seen to in orders.ts; that a size is within its bounds is judged in limits/rows.ts.
 */
import "postgraphile";
import { ConstantStep, lambda, type Step } from "postgraphile/grafast";
import { LIMITS } from "../limits/limits.ts";

declare module "postgraphile/graphql" {
  interface GraphQLFieldExtensions<_TSource, _TContext, _TArgs> {
    /** How many rows a plain list can hold; tags.json5 says it. */
    holds?: number;
  }
}

/** What PostGraphile puts behind the field of a page; a connection, or the rows themselves. */
interface PageStep {
  setFirst(first: Step<number | null>): void;
}

type Sizes = readonly [first: number | null | undefined, last: number | null | undefined];

const connectionSize = ([first, last]: Sizes): number | null =>
  first ?? (last == null ? LIMITS.pageDefault : null);

const listSize = ([first]: Sizes): number => first ?? LIMITS.pageMost;

/** Gives every page a size. */
export const PagesPlugin: GraphileConfig.Plugin = {
  name: "StaybasePagesPlugin",
  version: "1.0.0",
  after: ["PgFirstLastBeforeAfterArgsPlugin"],
  schema: {
    hooks: {
      GraphQLObjectType_fields_field_args(args, _build, { scope }) {
        const kind = kindOf(scope);
        if (kind === undefined) return args;
        const { first, offset, last, ...rest } = args;
        // Functions page themselves, or answer a handful of rows.
        if (kind === "function") return rest;
        if (first === undefined) return args;
        const size = kind === "list" ? LIMITS.pageMost : LIMITS.pageDefault;
        const { applyPlan: _replaced, ...sized } = first;
        return {
          ...args,
          first: {
            ...sized,
            description: `Read the first rows: 0 to ${LIMITS.pageMost}, ${size} without it.`,
          },
          ...(last && {
            last: { ...last, description: `Read the last rows: 0 to ${LIMITS.pageMost}.` },
          }),
          ...(offset && {
            offset: {
              ...offset,
              description: `Skip rows: 0 to ${LIMITS.offsetMost}. To go far, use \`after\`.`,
            },
          }),
        };
      },
      GraphQLObjectType_fields_field(field, _build, { scope }) {
        const kind = kindOf(scope);
        const { plan } = field;
        if (kind === undefined || kind === "function" || plan === undefined) return field;
        const extensions = kind === "list" ? { holds: holdsOf(scope) } : {};
        return {
          ...field,
          extensions: { ...field.extensions, ...extensions },
          plan($parent, fieldArgs, info) {
            const $page = plan($parent, fieldArgs, info) as Step & PageStep;
            const $first = fieldArgs.getRaw("first");
            const $last = kind === "connection" ? fieldArgs.getRaw("last") : new ConstantStep(null);
            $page.setFirst(lambda([$first, $last], kind === "list" ? listSize : connectionSize));
            return $page;
          },
        };
      },
    },
  },
};

type Scope = Pick<
  GraphileBuild.ScopeObjectFieldsField,
  | "fieldName"
  | "isPgFieldConnection"
  | "isPgFieldSimpleCollection"
  | "pgFieldResource"
  | "pgRelationDetails"
>;

/** The `holds` of a list: its relation's, or at the root its table's. */
function holdsOf({ fieldName, pgFieldResource, pgRelationDetails }: Scope): number {
  const relation =
    pgRelationDetails?.registry.pgRelations[pgRelationDetails.codec.name]?.[
      pgRelationDetails.relationName
    ];
  const tags = relation ? relation.extensions?.tags : pgFieldResource?.extensions?.tags;
  const holds = Number(tags?.holds);
  if (holds >= 1 && holds <= LIMITS.pageMost) return holds;
  throw new Error(`tags.json5: ${fieldName} does not say how many rows it holds; see holds.`);
}

function kindOf(scope: Scope): "connection" | "list" | "function" | undefined {
  const { isPgFieldConnection, isPgFieldSimpleCollection, pgFieldResource } = scope;
  if (isPgFieldConnection !== true && isPgFieldSimpleCollection !== true) return undefined;
  if (pgFieldResource?.parameters) return "function";
  return isPgFieldConnection === true ? "connection" : "list";
}
