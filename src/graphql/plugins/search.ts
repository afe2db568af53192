/**
 * Shows what search finds as a connection, like all that can grow. The function pages itself by the
 * cursor of its rows; here is only how its answer looks. Its order is said once more, so that
 * listings are joined to what is found: in one statement, which sees one moment.
 */
import "postgraphile";
import { type PgSelectSingleStep, type PgSelectStep, sql, TYPES } from "postgraphile/@dataplan/pg";
import {
  applyTransforms,
  each,
  lambda,
  type ObjectStep,
  object,
  type Step,
} from "postgraphile/grafast";
import { GraphQLList, GraphQLNonNull, type GraphQLOutputType } from "postgraphile/graphql";

/** What of a page does not depend on its rows. */
type Asked = readonly [pageSize: number | null | undefined, after: string | null | undefined];

type Page = ObjectStep<{ rows: PgSelectStep; pageSize: Step; after: Step }>;

/** Makes the answer of searchListings a connection. */
export const SearchPlugin: GraphileConfig.Plugin = {
  name: "StaybaseSearchPlugin",
  version: "1.0.0",
  before: ["StaybaseNullabilityPlugin"],
  gather: {
    hooks: {
      pgProcedures_functionResourceOptions(_info, { pgProc, functionResourceOptions }) {
        if (pgProc.proname !== "search_listings") return;
        functionResourceOptions.hasImplicitOrder = false;
      },
    },
  },
  schema: {
    hooks: {
      init(_, build) {
        const listOf = (name: string): GraphQLOutputType =>
          new GraphQLNonNull(new GraphQLList(required(name)));
        const required = (name: string): GraphQLOutputType =>
          new GraphQLNonNull(build.getOutputTypeByName(name));
        const rowsOf = ($page: Step): PgSelectStep => ($page as Page).getStepForKey("rows");
        build.registerObjectType(
          "SearchListingsConnection",
          {},
          () => ({
            description: "A page of listings that were found, and how to go on.",
            fields: () => ({
              nodes: { type: listOf("SearchResult"), plan: rowsOf },
              edges: { type: listOf("SearchListingsEdge"), plan: rowsOf },
              pageInfo: { type: required("PageInfo"), plan: ($page) => pageInfo($page as Page) },
            }),
          }),
          "StaybaseSearchPlugin",
        );
        build.registerObjectType(
          "SearchListingsEdge",
          {},
          () => ({
            description: "A listing that was found, and its place in the list.",
            fields: () => ({
              cursor: {
                type: required("Cursor"),
                plan: ($row) => ($row as PgSelectSingleStep).get("cursor"),
              },
              node: { type: required("SearchResult"), plan: ($row) => $row },
            }),
          }),
          "StaybaseSearchPlugin",
        );
        return _;
      },
      GraphQLObjectType_fields_field(field, build, { Self, scope }) {
        const { plan } = field;
        if (`${Self.name}.${scope.fieldName}` !== "Query.searchListings" || !plan) return field;
        return {
          ...field,
          type: build.getOutputTypeByName("SearchListingsConnection"),
          plan: ($root, fieldArgs, info) =>
            object({
              rows: inOrder(plan($root, fieldArgs, info) as PgSelectStep),
              pageSize: fieldArgs.getRaw("pageSize"),
              after: fieldArgs.getRaw("after"),
            }),
        };
      },
    },
  },
};

/** Orders what was found as the function does: by score and id, which its cursors are made of. */
function inOrder($rows: PgSelectStep): PgSelectStep {
  const { alias } = $rows;
  const score = sql`split_part(${alias}.${sql.identifier("cursor")}, '.', 1)::integer`;
  const id = sql`${alias}.${sql.identifier("listing_id")}`;
  $rows.orderBy({ fragment: score, codec: TYPES.int, direction: "DESC" });
  $rows.orderBy({ fragment: id, codec: TYPES.uuid, direction: "DESC" });
  return $rows;
}

function pageInfo($page: Page): Step {
  const $each = each($page.getStepForKey("rows"), ($row) =>
    ($row as PgSelectSingleStep).get("cursor"),
  );
  // Without it a function is given the rows themselves.
  const $cursors = applyTransforms($each);
  const $asked = [$page.getStepForKey("pageSize"), $page.getStepForKey("after")] as const;
  return lambda([$cursors, ...$asked], ([cursors, ...asked]) =>
    describePage(cursors as readonly string[], asked as unknown as Asked),
  );
}

/** The function's own default is 20. */
function describePage(cursors: readonly string[], [pageSize, after]: Asked): object {
  return {
    hasNextPage: cursors.length >= (pageSize ?? 20),
    hasPreviousPage: after != null,
    startCursor: cursors[0] ?? null,
    endCursor: cursors.at(-1) ?? null,
  };
}
