/**
 * Orders that give each row a place of its own: what a client orders by, and then a key, so that a
 * cursor means one row and the pages of a list hold each row once. Without an order, a list comes
 * in the one that tags.json5 names (`defaultOrder`), or by its key.
 *
 * It replaces what the libraries do with the argument `orderBy`, for their pages lose rows, for
 * three reasons that are to be reported at github.com/graphile/crystal:
 * - graphile-build-pg 5.1, PgOrderAllAttributesPlugin, takes the first column of a unique key for
 *   unique by itself.
 * - @dataplan/pg 1.1, applyConditionFromCursor, has null on the wrong side of the other values.
 * - A value such as a range is written into the cursor as JSON, which its type does not read.
 */
import "postgraphile";
import {
  type PgCodec,
  type PgCodecAttribute,
  type PgCodecWithAttributes,
  type PgResourceUnique,
  type PgSelectQueryBuilder,
  type PgSelectStep,
  sql,
  TYPES,
} from "postgraphile/@dataplan/pg";
import { lambda, type Step } from "postgraphile/grafast";
import { Kept } from "../../kept.ts";

interface Table {
  readonly codec: PgCodecWithAttributes;
  readonly uniques: readonly PgResourceUnique[];
}

interface Order {
  readonly column: string;
  readonly direction: "ASC" | "DESC";
}

/** Gives every `orderBy` a default, and orders that end with a key. */
export const OrdersPlugin: GraphileConfig.Plugin = {
  name: "StaybaseOrdersPlugin",
  version: "1.0.0",
  after: ["PgConnectionArgOrderByDefaultValuePlugin"],
  schema: {
    hooks: {
      GraphQLObjectType_fields_field_args_arg(arg, build, { scope }) {
        const resource = scope.pgFieldResource;
        if (scope.argName !== "orderBy" || !resource || resource.parameters) return arg;
        const table = resource as typeof resource & Table;
        const { inflection } = build;
        const orderType = inflection.orderByType(inflection.tableType(table.codec));
        const offered = build.getTypeByName(orderType);
        if (!build.graphql.isEnumType(offered)) return arg;
        const known = ordersOf(table, inflection);
        const foreign = offered.getValues().filter(({ name }) => !known.has(name));
        if (foreign.length > 0) {
          throw new Error(`${orderType} has ${foreign[0]?.name}: orders.ts must learn of it.`);
        }
        const tag = table.extensions?.tags?.defaultOrder;
        const names = typeof tag === "string" ? tag.split(",") : ["PRIMARY_KEY_ASC"];
        const missing = names.filter((name) => offered.getValue(name) === undefined);
        if (missing.length > 0) {
          throw new Error(
            `tags.json5: ${orderType} has no ${missing.join(", ")}; see defaultOrder.`,
          );
        }
        const sort = sorter(table, known);
        return {
          ...arg,
          defaultValue: names,
          applyPlan(_$parent: Step, $page: Step, value: { getRaw(): Step }) {
            const $select = scope.isPgFieldConnection ? subplanOf($page) : $page;
            ($select as PgSelectStep).apply(lambda(value.getRaw() as Step<string[]>, sort));
          },
        };
      },
    },
  },
};

function subplanOf($page: Step): Step {
  return ($page as Step & { getSubplan(): Step }).getSubplan();
}

/** What the values of the table's enum order by. */
function ordersOf(table: Table, inflection: GraphileBuild.Inflection): Map<string, Order[]> {
  const { codec, uniques } = table;
  const orders = new Map<string, Order[]>([[inflection.builtin("NATURAL"), []]]);
  const key = uniques.find((unique) => unique.isPrimary)?.attributes ?? [];
  for (const direction of ["ASC", "DESC"] as const) {
    const byKey = key.map((column) => ({ column, direction }));
    orders.set(inflection.builtin(`PRIMARY_KEY_${direction}`), byKey);
    for (const column of Object.keys(codec.attributes)) {
      const variant = direction === "ASC" ? "asc" : "desc";
      const name = inflection.orderByAttributeEnum({ codec, attributeName: column, variant });
      orders.set(name, [{ column, direction }]);
    }
  }
  return orders;
}

/** Orders of one list by values of its enum; they are made once for each choice of values. */
function sorter(table: Table, known: ReadonlyMap<string, readonly Order[]>) {
  const kept = new Kept<string, readonly FullOrder[]>(MOST_CHOICES);
  return (names: readonly string[] | null | undefined) => {
    const choice = names?.join() ?? "";
    let orders = kept.get(choice);
    if (orders === undefined) {
      const asked = (names ?? []).flatMap((name) => known.get(name) ?? []);
      orders = withKey(table, asked).map((order) => fullOrder(table, order));
      kept.set(choice, orders, 1);
    }
    return (query: PgSelectQueryBuilder): void => orderRows(query, orders);
  };
}

/** How many choices of orders a list keeps: clients write them, and may write any. */
const MOST_CHOICES = 100;

interface FullOrder extends Order {
  readonly codec: PgCodec;
  readonly notNull: boolean;
}

function fullOrder(table: Table, order: Order): FullOrder {
  const { codec, notNull = false } = columnOf(table, order.column);
  return { ...order, codec: asText(codec), notNull };
}

/** Orders a query by what tells all its rows apart. */
function orderRows(query: PgSelectQueryBuilder, orders: readonly FullOrder[]): void {
  for (const { column, direction, codec, notNull } of orders) {
    const fragment = sql`${query.alias}.${sql.identifier(column)}`;
    // Whether there is a value is compared first, so that null never meets another value.
    if (!notNull) {
      query.orderBy({ fragment: sql`(${fragment} is null)`, codec: BOOLEAN_TEXT, direction });
    }
    query.orderBy({ fragment, codec, direction, nullable: !notNull });
  }
  query.setOrderIsUnique();
}

/** What is asked for, and a key after it where that does not tell all rows apart. */
function withKey(table: Table, asked: readonly Order[]): readonly Order[] {
  // By a column a second time nothing is left to order.
  const orders = new Map(asked.toReversed().map((order) => [order.column, order]));
  const first = asked.filter((order) => orders.get(order.column) === order);
  const keys = table.uniques
    .map(({ attributes }) => attributes)
    .filter((names) => names.every((name) => columnOf(table, name).notNull));
  if (keys.some((names) => names.every((name) => orders.has(name)))) return first;
  const [key] = keys;
  if (key === undefined) throw new Error(`${table.codec.name} has no key to order its rows by.`);
  const direction = first[0]?.direction ?? "ASC";
  const rest = key.filter((name) => !orders.has(name));
  return [...first, ...rest.map((column) => ({ column, direction }))];
}

function columnOf(table: Table, name: string): PgCodecAttribute {
  const column = table.codec.attributes[name];
  if (column === undefined) throw new Error(`${table.codec.name} has no column ${name}.`);
  return column;
}

/** The same type, whose values go into a cursor as the database writes and reads them. */
function asText({ castFromPg: _cast, ...codec }: PgCodec): PgCodec {
  return { ...codec, fromPg: (text) => text };
}

const BOOLEAN_TEXT = asText(TYPES.boolean);
