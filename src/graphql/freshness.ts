/**
 * How long the answer to a visitor stays true, read off the operation and the answer: which rows it
 * shows, so that it can be forgotten when one of them changes, or that nobody can say. An operation
 * that touches anything but what is written here is never kept: a new type is private until it is
 * named.
 */

import {
  type ExecutionArgs,
  type FieldNode,
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  getNullableType,
  getOperationAST,
  isLeafType,
  isListType,
  isObjectType,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "postgraphile/graphql";
import type { Freshness } from "../resources/publicAnswers.ts";
import { isRecord } from "../values.ts";

/** Rows whose changes are told, by the kind of their tags. */
const TOLD: Readonly<Record<string, string>> = { Listing: "listing", User: "user" };

/** Rows whose changes are told as changes of the listing around them. */
const OF_LISTING = new Set([
  "DatedRate",
  "DatedRateConnection",
  "DatedRateEdge",
  "ListingAmenity",
  "ListingPhoto",
  "ListingRate",
  "Review",
  "ReviewConnection",
  "ReviewEdge",
]);

/** What only a migration changes, and what is no row. */
const CONSTANT = new Set([
  "Amenity",
  "CancellationTier",
  "Currency",
  "DateRange",
  "DateRangeBound",
  "PageInfo",
]);

/** Lists that a row may join or leave without being in the answer before. */
const LISTS = new Set([
  "ListingConnection",
  "ListingEdge",
  "SearchListingsConnection",
  "SearchListingsEdge",
  "SearchResult",
]);

/** More than this is said less exactly. */
const MOST_TAGS = 200;

/**
 * Where in an answer rows are. What the variables leave out is in the shape and not in the answer,
 * so the answer decides.
 */
interface Shape {
  readonly children: ReadonlyMap<string, Shape>;
  /** Whether its rows are told, shown in a way that no tag stands for, or nobody else's. */
  readonly is: "told" | "vague" | "private";
  /** Whether rows of it, or below it, may be nobody else's. */
  readonly mayBePrivate: boolean;
  /** The kind of tag of its rows, and under which names they show their ids. */
  readonly kind: string | undefined;
  readonly ids: readonly string[];
}

const shapes = new WeakMap<OperationDefinitionNode, Shape>();

/** The freshness of an answer without errors; undefined where it must not be kept. */
export function freshnessOf(args: ExecutionArgs, data: unknown): Freshness | undefined {
  const shape = shapeOf(args);
  if (shape === undefined || !isRecord(data)) return undefined;
  // What is not there now may be there soon, and has no name to be told by.
  if (Object.values(data).includes(null)) return undefined;
  const seen: Seen = { tags: new Set(), isVague: false, isPrivate: false };
  look(shape, data, seen);
  if (seen.isPrivate) return undefined;
  return seen.isVague || seen.tags.size > MOST_TAGS ? "seconds" : [...seen.tags];
}

interface Seen {
  readonly tags: Set<string>;
  isVague: boolean;
  isPrivate: boolean;
}

/** Goes through what of an answer has this shape; undefined is what was left out. */
function look(shape: Shape, value: unknown, seen: Seen): void {
  if (value === undefined || seen.isPrivate) return;
  // Tags are of no use any more.
  if (seen.isVague && !shape.mayBePrivate) return;
  if (shape.is === "private") seen.isPrivate = true;
  if (shape.is === "vague") seen.isVague = true;
  if (Array.isArray(value)) {
    for (const each of value) look(shape, each, seen);
  } else if (isRecord(value)) {
    if (shape.kind !== undefined) {
      const shown = shape.ids.find((name) => typeof value[name] === "string");
      if (shown === undefined) seen.isVague = true;
      else seen.tags.add(`${shape.kind}:${value[shown]}`);
    }
    for (const [name, child] of shape.children) look(child, value[name], seen);
  }
}

/** The shape of a query; undefined for what is none. */
function shapeOf({ schema, document, operationName }: ExecutionArgs): Shape | undefined {
  const operation = getOperationAST(document, operationName);
  const query = schema.getQueryType();
  if (operation?.operation !== "query" || !query) return undefined;
  const known = shapes.get(operation);
  if (known !== undefined) return known;
  const fragments = new Map<string, SelectionSetNode>();
  for (const each of document.definitions) {
    if (each.kind === "FragmentDefinition") fragments.set(each.name.value, each.selectionSet);
  }
  const root: Place = { type: query, is: "told", isInListing: false };
  const shape = readShape(fragments, root, [operation.selectionSet]);
  shapes.set(operation, shape);
  return shape;
}

/** Where a selection stands. */
interface Place {
  readonly type: GraphQLObjectType;
  readonly is: Shape["is"];
  /** Whether a listing is around it, whose tag stands for its rows as well. */
  readonly isInListing: boolean;
}

type Fragments = ReadonlyMap<string, SelectionSetNode>;

function readShape(
  fragments: Fragments,
  { type, is, isInListing }: Place,
  selections: readonly SelectionSetNode[],
): Shape {
  const fields = new Map<string, FieldNode[]>();
  for (const each of selections) collectFields(fragments, each, fields);
  const children = new Map<string, Shape>();
  const ids: string[] = [];
  for (const [key, nodes] of fields) {
    const name = nodes[0]?.name.value ?? "";
    if (name === "id") ids.push(key);
    if (name === "__typename") continue;
    const field = type.getFields()[name];
    // Questions about the schema itself are of no type of ours.
    const place = field === undefined ? undefined : placeOf(field, isInListing);
    if (place === undefined) children.set(key, PRIVATE);
    else if (place !== "leaf") {
      const inner = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
      children.set(key, readShape(fragments, place, inner));
    }
  }
  const mayBePrivate = [...children.values()].some((child) => child.mayBePrivate);
  return { children, is, mayBePrivate, kind: TOLD[type.name], ids };
}

const PRIVATE: Shape = {
  children: new Map(),
  is: "private",
  mayBePrivate: true,
  kind: undefined,
  ids: [],
};

/** Where a field leads, from inside a listing or not; undefined is nobody else's. */
function placeOf(
  { type: fieldType }: GraphQLField<unknown, unknown>,
  isInListing: boolean,
): Place | "leaf" | undefined {
  const type = getNamedType(fieldType);
  if (isLeafType(type)) return "leaf";
  if (!isObjectType(type)) return undefined;
  const { name } = type;
  if (TOLD[name] !== undefined) {
    // A row may join a list without being in the answer before.
    const isList = isListType(getNullableType(fieldType));
    return { type, is: isList ? "vague" : "told", isInListing: name === "Listing" };
  }
  if (OF_LISTING.has(name)) return { type, is: isInListing ? "told" : "vague", isInListing };
  if (LISTS.has(name)) return { type, is: "vague", isInListing: false };
  return CONSTANT.has(name) ? { type, is: "told", isInListing: false } : undefined;
}

function collectFields(
  fragments: Fragments,
  { selections }: SelectionSetNode,
  fields: Map<string, FieldNode[]>,
): void {
  for (const selection of selections) {
    if (selection.kind === "Field") {
      const key = selection.alias?.value ?? selection.name.value;
      fields.set(key, [...(fields.get(key) ?? []), selection]);
    } else {
      const inner =
        selection.kind === "InlineFragment"
          ? selection.selectionSet
          : fragments.get(selection.name.value);
      if (inner !== undefined) collectFields(fragments, inner, fields);
    }
  }
}
