/**
 * What a stored document answers, read off its selections: the one field that it is about, and the
 * tree of what is in there. GraphQL's own wrapping (payloads, connections, capitals of enums) is
 * taken off, so that the same answer is plain JSON for REST.
 */
import {
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  isCompositeType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  type SelectionSetNode,
} from "postgraphile/graphql";
import { memberOf } from "../../values.ts";

/** One value in an answer. */
export type Answer =
  | { readonly kind: "leaf"; readonly type: GraphQLNamedType }
  | { readonly kind: "list"; readonly of: Answer; readonly isNullable: boolean }
  | { readonly kind: "nights" }
  | ObjectAnswer;

export interface ObjectAnswer {
  readonly kind: "object";
  readonly type: GraphQLObjectType;
  /** The fragment that says all of it, where there is one: it is a schema with a name. */
  readonly fragment: string | undefined;
  readonly fields: readonly AnswerField[];
}

export interface AnswerField {
  readonly name: string;
  readonly answer: Answer;
  readonly isNullable: boolean;
  /** It is there only if the request has asked for it. */
  readonly isOptional: boolean;
  readonly description: string | undefined;
}

/** What a whole document answers: where in the data it is, and in which form. */
export interface DocumentAnswer {
  readonly path: readonly string[];
  readonly form: "page" | "items" | "one";
  /** Of a row, where there are many. */
  readonly row: Answer;
  /** Whether a page can say how many rows there are in all. */
  readonly total: "never" | "asked" | "always";
}

export type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/** The type of a range of days, which is written as its two ends. */
const NIGHTS = "DateRange";

/**
 * @throws where a document selects what REST has no form for, in a sentence
 */
export function answerOf(
  root: GraphQLObjectType,
  selections: SelectionSetNode,
  fragments: Fragments,
): DocumentAnswer {
  const path: string[] = [];
  let [type, set]: [GraphQLObjectType, SelectionSetNode] = [root, selections];
  for (;;) {
    const [field, ...others] = collect(type, set, fragments);
    if (field === undefined || others.length > 0) {
      if (path.length === 0) throw new Error("It selects more than one field at its root.");
      const row = objectOf(type, set, fragments);
      return { path, form: "one", row, total: "never" };
    }
    const named = getNamedType(field.type);
    if (!isObjectType(named) || field.set === undefined) {
      if (path.length > 0 && !isListType(nullable(field.type))) {
        return { path, form: "one", row: objectOf(type, set, fragments), total: "never" };
      }
      path.push(field.name);
      const isList = isListType(nullable(field.type));
      const row: Answer = { kind: "leaf", type: named };
      if (!isList) throw new Error("Its only field has no fields.");
      return { path, form: "items", row, total: "never" };
    }
    path.push(field.name);
    if (isConnection(named)) return { path, ...pageOf(named, field.set, fragments) };
    if (isListType(nullable(field.type))) {
      return { path, form: "items", row: objectOf(named, field.set, fragments), total: "never" };
    }
    [type, set] = [named, field.set];
    if (wholeFragment(set, fragments) !== undefined) {
      return { path, form: "one", row: objectOf(type, set, fragments), total: "never" };
    }
  }
}

/** An answer of GraphQL's, `undefined` where there is no such thing. */
export function plainAnswer(answer: DocumentAnswer, data: unknown): PlainAnswer | undefined {
  const found = answer.path.reduce(memberOf, data);
  if (found === null || found === undefined) return undefined;
  if (answer.form === "one") return { body: converterOf(answer.row)(found), nextCursor: undefined };
  const rows = answer.form === "items" ? found : memberOf(found, "nodes");
  const items = Array.isArray(rows) ? rows.map(converterOf(answer.row)) : [];
  if (answer.form === "items") return { body: { items }, nextCursor: undefined };
  const pageInfo = memberOf(found, "pageInfo");
  const hasMore = memberOf(pageInfo, "hasNextPage") === true;
  const end = memberOf(pageInfo, "endCursor");
  const nextCursor = hasMore && typeof end === "string" ? end : null;
  const totalCount = memberOf(found, "totalCount");
  const total = totalCount === undefined ? {} : { totalCount, isExact: memberOf(found, "isExact") };
  return { body: { items, nextCursor, ...total }, nextCursor: nextCursor ?? undefined };
}

export interface PlainAnswer {
  readonly body: unknown;
  /** Where the next page begins, if there is one. */
  readonly nextCursor: string | undefined;
}

/** How the word of an enum is written in REST. */
export const plainWord = (word: string): string => word.toLowerCase();

type Convert = (value: unknown) => unknown;

const same: Convert = (value) => value;
const converters = new WeakMap<Answer, Convert>();

/** What makes a value plain; made once for each place, for it runs for each value. */
function converterOf(answer: Answer): Convert {
  const known = converters.get(answer);
  if (known !== undefined) return known;
  const made = makeConverter(answer);
  converters.set(answer, made);
  return made;
}

function makeConverter(answer: Answer): Convert {
  if (answer.kind === "leaf") {
    return isEnumType(answer.type) ? (value) => value && plainWord(String(value)) : same;
  }
  if (answer.kind === "list") {
    const convert = converterOf(answer.of);
    return (value) => (Array.isArray(value) ? value.map(convert) : value);
  }
  if (answer.kind === "nights") return plainNights;
  const fields = answer.fields.map(({ name, answer: inner, isOptional }) => {
    return { name, convert: converterOf(inner), isOptional };
  });
  return (value) => {
    if (value === null || value === undefined) return null;
    const plainly: Record<string, unknown> = {};
    for (const { name, convert, isOptional } of fields) {
      const found = (value as Record<string, unknown>)[name];
      if (found !== undefined || !isOptional) plainly[name] = convert(found ?? null);
    }
    return plainly;
  };
}

function plainNights(nights: unknown): unknown {
  if (nights === null) return null;
  return {
    startsOn: memberOf(memberOf(nights, "start"), "value") ?? null,
    endsBefore: memberOf(memberOf(nights, "end"), "value") ?? null,
  };
}

interface Collected {
  readonly name: string;
  readonly type: GraphQLOutputType;
  readonly description: string | undefined;
  readonly set: SelectionSetNode | undefined;
  readonly isOptional: boolean;
}

/** The fields of a selection set, fragments spread out. */
function collect(
  type: GraphQLObjectType,
  set: SelectionSetNode,
  fragments: Fragments,
  isOptional = false,
): Collected[] {
  return set.selections.flatMap((selection) => {
    const isHere = isOptional || (selection.directives?.length ?? 0) > 0;
    if (selection.kind === "FragmentSpread") {
      const fragment = fragments.get(selection.name.value);
      return fragment ? collect(type, fragment.selectionSet, fragments, isHere) : [];
    }
    if (selection.kind === "InlineFragment") {
      return collect(type, selection.selectionSet, fragments, isHere);
    }
    const field = type.getFields()[selection.name.value];
    if (field === undefined) throw new Error(`${type.name} has no ${selection.name.value}.`);
    return {
      name: (selection.alias ?? selection.name).value,
      type: field.type,
      description: field.description ?? undefined,
      set: selection.selectionSet,
      isOptional: isHere,
    };
  });
}

function objectOf(
  type: GraphQLObjectType,
  set: SelectionSetNode,
  fragments: Fragments,
): ObjectAnswer {
  const fields = collect(type, set, fragments).map((field) => ({
    name: field.name,
    answer: fieldAnswer(field.type, field.set, fragments),
    isNullable: !isNonNullType(field.type),
    isOptional: field.isOptional,
    description: field.description,
  }));
  return { kind: "object", type, fragment: wholeFragment(set, fragments), fields };
}

function fieldAnswer(
  given: GraphQLOutputType,
  set: SelectionSetNode | undefined,
  fragments: Fragments,
): Answer {
  const type = nullable(given);
  if (isListType(type)) {
    const of = fieldAnswer(type.ofType, set, fragments);
    return { kind: "list", of, isNullable: !isNonNullType(type.ofType) };
  }
  const named = getNamedType(type);
  if (named.name === NIGHTS) return { kind: "nights" };
  if (!isCompositeType(named)) return { kind: "leaf", type: named };
  if (!isObjectType(named) || set === undefined) throw new Error(`${named.name} is no object.`);
  if (isConnection(named)) {
    throw new Error(`It selects a connection (${named.name}) within: give it an address.`);
  }
  return objectOf(named, set, fragments);
}

function pageOf(
  connection: GraphQLObjectType,
  set: SelectionSetNode,
  fragments: Fragments,
): Omit<DocumentAnswer, "path"> {
  const fields = collect(connection, set, fragments);
  const nodes = fields.find(({ name }) => name === "nodes");
  const pageInfo = fields.find(({ name }) => name === "pageInfo");
  const total = fields.find(({ name }) => name === "totalCount");
  const node = nodes && getNamedType(nodes.type);
  if (!nodes?.set || !isObjectType(node) || pageInfo?.set === undefined) {
    throw new Error("Of a connection it must select nodes and pageInfo.");
  }
  if (total !== undefined && !fields.some(({ name }) => name === "isExact")) {
    throw new Error("It must select isExact beside totalCount.");
  }
  return {
    form: "page",
    row: objectOf(node, nodes.set, fragments),
    total: total === undefined ? "never" : total.isOptional ? "asked" : "always",
  };
}

/** The one fragment that a selection set consists of. */
function wholeFragment(set: SelectionSetNode, fragments: Fragments): string | undefined {
  const [only, ...others] = set.selections;
  if (only?.kind !== "FragmentSpread" || others.length > 0) return undefined;
  if ((only.directives?.length ?? 0) > 0) return undefined;
  return fragments.has(only.name.value) ? only.name.value : undefined;
}

function isConnection(type: GraphQLObjectType): boolean {
  return type.name.endsWith("Connection") && "pageInfo" in type.getFields();
}

function nullable(type: GraphQLOutputType): GraphQLOutputType {
  return isNonNullType(type) ? type.ofType : type;
}
