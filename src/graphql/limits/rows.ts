/**
 * Judges an operation together with its variables, just before it is planned: each page within its
 * bounds, wherever the number comes from, all nested pages together within reason, and sums of what
 * adds up. It counts what is asked for; what is found may be less.
 */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLNamedType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getDirectiveValues,
  getNamedType,
  isInterfaceType,
  isObjectType,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  valueFromAST,
} from "postgraphile/graphql";
import { ApiError } from "../../errors.ts";
import { FUNCTIONS, type FunctionLimit, LIMITS } from "./limits.ts";
import { judgeSums } from "./sums.ts";

/** An operation as Grafast is about to plan it; the variables are coerced. */
export interface JudgedOperation {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly variableValues: Readonly<Record<string, unknown>>;
}

/** What an operation that may run asks for. */
export interface Cost {
  /** What it costs here and in the database, where it has been planned before. */
  readonly total: number;
  readonly selections: number;
  readonly isHeavy: boolean;
}

interface Count {
  /** What it may ask for at most. */
  rows: number;
  /** What it is likely to cost. */
  cost: number;
  selections: number;
  /** Under which names a function is called, by its path. */
  readonly calls: Map<string, Set<string>>;
  /** What asks for most of the rows, and how many. */
  largest: { readonly path: string; readonly rows: number };
}

/**
 * Passes an operation and says what it costs, or refuses it.
 * @throws {ApiError} `PAGE_TOO_LARGE`, `INVALID_INPUT` or `QUERY_TOO_COMPLEX`
 */
export function judgeRows(judged: JudgedOperation): Cost {
  const root = judged.schema.getRootType(judged.operation.operation);
  const count: Count = {
    rows: 0,
    selections: 0,
    cost: 0,
    calls: new Map(),
    largest: { path: "", rows: 0 },
  };
  if (root) {
    walk(
      judged,
      judged.operation.selectionSet,
      { type: root, times: 1, likely: 1, path: "" },
      count,
    );
  }
  // What writes is short, whatever is read of it afterwards, and may have to wait for a lock.
  const mayBeHeavy = judged.operation.operation === "query";
  return {
    total: count.cost + count.selections,
    selections: count.selections,
    isHeavy: mayBeHeavy && count.cost > LIMITS.lightCost,
  };
}

/** Where a selection set stands. */
interface Place {
  readonly type: GraphQLNamedType;
  /** How often it is answered: the product of the pages above it. */
  readonly times: number;
  /** The same, where plain lists are as long as they usually are. */
  readonly likely: number;
  /** The names of the fields above it. */
  readonly path: string;
  /** The filter of the field above it, as far as there is one. */
  readonly filter?: unknown;
}

function walk(
  judged: JudgedOperation,
  selectionSet: SelectionSetNode,
  place: Place,
  count: Count,
): void {
  for (const selection of selectionSet.selections) {
    count.selections += 1;
    if (count.selections > LIMITS.selections) throw new ApiError("QUERY_TOO_COMPLEX");
    if (isLeftOut(selection, judged.variableValues)) continue;
    if (selection.kind === "Field") {
      walkField(judged, selection, place, count);
    } else if (selection.kind === "InlineFragment") {
      const on = selection.typeCondition?.name.value;
      const type = on === undefined ? place.type : (judged.schema.getType(on) ?? place.type);
      walk(judged, selection.selectionSet, { ...place, type }, count);
    } else {
      const fragment = judged.fragments[selection.name.value];
      const type = fragment && judged.schema.getType(fragment.typeCondition.name.value);
      if (fragment && type) walk(judged, fragment.selectionSet, { ...place, type }, count);
    }
  }
}

/** Whether `@include` or `@skip` leaves a selection out: it costs nothing but to look at it. */
function isLeftOut(node: SelectionNode, variables: JudgedOperation["variableValues"]): boolean {
  if (node.directives === undefined || node.directives.length === 0) return false;
  const ifOf = (directive: typeof GraphQLIncludeDirective): unknown =>
    getDirectiveValues(directive, node, variables)?.if;
  return ifOf(GraphQLIncludeDirective) === false || ifOf(GraphQLSkipDirective) === true;
}

function walkField(
  judged: JudgedOperation,
  node: FieldNode,
  { type, times, likely, path: above, filter }: Place,
  count: Count,
): void {
  if (!isObjectType(type) && !isInterfaceType(type)) return;
  const field = type.getFields()[node.name.value];
  // Introspection has its own limits.
  if (field === undefined) return;
  if (node.selectionSet === undefined && isFree(type, field)) return;
  const rows = pageSize(judged, node, field);
  const path = above === "" ? field.name : `${above}.${field.name}`;
  const below = times * (rows ?? 1);
  const likelyBelow =
    likely * Math.min(rows ?? 1, field.extensions.holds ? LIMITS.listCost : Infinity);
  if (rows !== undefined) {
    charge(count, path, below);
    count.cost += likelyBelow + likely * Number(argumentOf(judged, node, field, "offset") ?? 0);
  }
  if (field.name === "totalCount" && times === 1) count.cost += LIMITS.countMost;
  if (field.extensions.isCoded === true) count.cost += LIMITS.codedCost;
  const limit = FUNCTIONS[`${type.name}.${field.name}`];
  if (limit) {
    const names = count.calls.get(path) ?? new Set();
    count.calls.set(path, names.add(node.alias?.value ?? field.name));
    if (names.size > limit.calls) throw tooManyCalls(path, limit.calls);
    const cost = costOf(judged, node, field, limit);
    charge(count, path, times * cost);
    count.cost += likely * (cost + boxCost(judged, node, field, limit));
  }
  const { sumRules } = field.extensions;
  if (sumRules) judgeSums(sumRules, argumentOf(judged, node, field, "groupBy"), filter);
  if (node.selectionSet === undefined) return;
  const place = { type: getNamedType(field.type), times: below, likely: likelyBelow, path };
  walk(
    judged,
    node.selectionSet,
    { ...place, filter: argumentOf(judged, node, field, "filter") },
    count,
  );
}

const free = new WeakMap<GraphQLField<unknown, unknown>, boolean>();

/** Whether a field costs nothing but to be looked at, as most do that have nothing below them. */
function isFree(type: GraphQLNamedType, field: GraphQLField<unknown, unknown>): boolean {
  const known = free.get(field);
  if (known !== undefined) return known;
  const { isCoded, sumRules } = field.extensions;
  const costs =
    field.name === "totalCount" ||
    isCoded === true ||
    sumRules !== undefined ||
    `${type.name}.${field.name}` in FUNCTIONS ||
    field.args.some(isSize);
  free.set(field, !costs);
  return !costs;
}

/** Arguments that size a page; `pageSize` is that of functions that page themselves. */
const SIZES = ["first", "last", "pageSize"];
const isSize = ({ name }: { readonly name: string }): boolean => SIZES.includes(name);

/** How many rows a field asks for; undefined where it is not a page. */
function pageSize(
  judged: JudgedOperation,
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
): number | undefined {
  const sizes = field.args.filter(isSize);
  if (sizes.length === 0) return undefined;
  const given = (name: string): unknown => argumentOf(judged, node, field, name);
  const [first, last] = [given("first"), given("last")];
  if (last != null && [first, given("after"), given("offset")].some((value) => value != null)) {
    throw new ApiError("INVALID_INPUT", "last goes with before alone, first with after.", {
      fields: ["last"],
    });
  }
  if (first != null && given("before") != null) {
    throw new ApiError("INVALID_INPUT", "first goes with after, last with before.", {
      fields: ["first"],
    });
  }
  checkOffset(given("offset"));
  for (const arg of sizes) checkSize(arg.name, given(arg.name));
  const size = sizes.map((arg) => given(arg.name)).find((value) => typeof value === "number");
  // A list has no more rows than it can hold, whatever is asked for.
  const { holds = Number.POSITIVE_INFINITY } = field.extensions;
  const unsaid = holds === Number.POSITIVE_INFINITY ? LIMITS.pageDefault : holds;
  return Math.min(typeof size === "number" ? size : unsaid, holds);
}

function charge(count: Count, path: string, rows: number): void {
  count.rows += rows;
  if (rows > count.largest.rows) count.largest = { path, rows };
  if (count.rows > LIMITS.rows) throw tooManyRows(count.largest.path);
}

/** What a call of a function counts, in rows. */
function costOf(
  judged: JudgedOperation,
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  { rows = 0, nights }: FunctionLimit,
): number {
  if (nights === undefined) return rows;
  const [from, to] = nights.map((name) =>
    Date.parse(String(argumentOf(judged, node, field, name))),
  );
  const span = (Number(to) - Number(from)) / 86_400_000;
  // What is no date is refused later; until then it counts as the most.
  return Number.isNaN(span) ? LIMITS.nightsMost : Math.min(Math.max(span, 1), LIMITS.nightsMost);
}

/** What a search costs for its box; west > east crosses the date line. */
function boxCost(
  judged: JudgedOperation,
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  { box }: FunctionLimit,
): number {
  if (box === undefined) return 0;
  const [west = 0, south = 0, east = 0, north = 0] = box.map((name) =>
    Number(argumentOf(judged, node, field, name)),
  );
  const width = east - west + (west > east ? 360 : 0);
  const { squareDegree, most } = LIMITS.boxCost;
  const cost = Math.ceil(width * Math.abs(north - south) * squareDegree);
  // What is no box is refused later.
  return Number.isNaN(cost) ? most : Math.min(cost, most);
}

function tooManyCalls(path: string, calls: number): ApiError {
  const message = `${path} is asked for ${calls} times at most in one place. Send more requests.`;
  return new ApiError("QUERY_TOO_COMPLEX", message, { details: { calls, field: path } });
}

function tooManyRows(path: string): ApiError {
  const message = `This asks for more than ${LIMITS.rows} rows at once, most of them by ${path}. \
Give it, or a list above it, a smaller page or range.`;
  return new ApiError("QUERY_TOO_COMPLEX", message, {
    details: { rows: LIMITS.rows, field: path },
  });
}

function checkSize(name: string, value: unknown): void {
  if (value == null) return;
  // No rows are asked for by who wants the total alone; a function pages itself, and needs one.
  const least = name === "pageSize" ? 1 : 0;
  if (typeof value === "number" && value >= least && value <= LIMITS.pageMost) return;
  const message = `A page has ${least} to ${LIMITS.pageMost} rows.`;
  throw new ApiError("PAGE_TOO_LARGE", message, { fields: [name] });
}

function checkOffset(value: unknown): void {
  if (value == null) return;
  if (typeof value === "number" && value >= 0 && value <= LIMITS.offsetMost) return;
  throw new ApiError("PAGE_TOO_LARGE", `Skip 0 to ${LIMITS.offsetMost} rows; beyond, use after.`, {
    fields: ["offset"],
  });
}

/** The value that a field is given for an argument; undefined where there is none. */
function argumentOf(
  judged: JudgedOperation,
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  name: string,
): unknown {
  const arg = field.args.find((candidate) => candidate.name === name);
  const given = node.arguments?.find((candidate) => candidate.name.value === name);
  if (arg === undefined || given === undefined) return undefined;
  return valueFromAST(given.value, arg.type, judged.variableValues);
}
