/**
 * Which inputs of a GraphQL request an error is about. The library says it in sentences, and with
 * values that have no place in an answer; a client wants the names.
 */
import {
  type ArgumentNode,
  type FieldNode,
  type GraphQLError,
  type Token,
  valueFromASTUntyped,
} from "postgraphile/graphql";

/** What a field that has failed was asked with, by the names of its arguments. */
export function argumentsOf(
  error: GraphQLError,
  variables: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  const node = error.nodes?.find((found): found is FieldNode => found.kind === "Field");
  const named = (argument: ArgumentNode): [string, unknown] => [
    argument.name.value,
    valueFromASTUntyped(argument.value, variables),
  ];
  return Object.fromEntries(node?.arguments?.map(named) ?? []);
}

/** The input that a document or its variables have wrong: one name, or none. */
export function fieldsOfInput(error: GraphQLError): string[] {
  const name = namedField(error) ?? variableField(error) ?? literalField(error);
  return name === undefined ? [] : [name];
}

/** What the library says of a name that is missing, or of one that it does not know. */
const NAMED = [
  /^Field "\w+" argument "(\w+)" of .* required/,
  /^(?:Field|Argument) "(?:\w+\.)*(\w+)" of .*(?:required|provided)/,
  /^Field "(\w+)" is not defined by type/,
];

function namedField({ message, originalError }: GraphQLError): string | undefined {
  const sentence = originalError?.message ?? message;
  return NAMED.flatMap((pattern) => pattern.exec(sentence)?.[1] ?? []).at(0);
}

/** `Variable "$input" got invalid value 1 at "input.listing.title"; ...`: the last name of it. */
function variableField({ message, originalError }: GraphQLError): string | undefined {
  const variable = /^Variable "\$(\w+)"/.exec(message)?.[1];
  if (variable === undefined || originalError === undefined) return variable;
  const place = message.slice(0, -originalError.message.length);
  const path = / at "([\w.[\]]+)"; $/.exec(place)?.[1] ?? variable;
  return path
    .replaceAll(/\[\d+\]/g, "")
    .split(".")
    .at(-1);
}

/** The name before the colon before a value, or before the list that it is in. */
function literalField({ nodes }: GraphQLError): string | undefined {
  const [node] = nodes ?? [];
  if (node === undefined) return undefined;
  if (node.kind === "ObjectField" || node.kind === "Argument") return node.name.value;
  if (!node.kind.endsWith("Value")) return undefined;
  let token: Token | null | undefined = node.loc?.startToken.prev;
  for (let closed = 0; token && (token.kind !== ":" || closed > 0); token = token.prev) {
    if (/^[\]})]$/.test(token.kind)) closed += 1;
    if (/^[[{(]$/.test(token.kind)) {
      if (closed === 0 && token.kind !== "[") return undefined;
      closed -= closed > 0 ? 1 : 0;
    }
  }
  return token?.prev?.value;
}
