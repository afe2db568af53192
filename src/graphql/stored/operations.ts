/**
 * The stored documents, `openapi/documents/*.graphql`: one operation a file, named as the file, and
 * the fragments that they share, in `fragments/`. They are read and checked at the start; a request
 * brings nothing but values for their variables.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLInputType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  typeFromAST,
  validate,
  visit,
} from "postgraphile/graphql";
import { isRecord } from "../../values.ts";
import { answerOf, type DocumentAnswer, type Fragments } from "./answers.ts";

export interface StoredVariable {
  readonly type: GraphQLInputType;
  /** A value is needed: the type says so, and there is no default. */
  readonly isRequired: boolean;
}

export interface StoredOperation {
  readonly name: string;
  readonly document: DocumentNode;
  readonly kind: "query" | "mutation";
  readonly variables: ReadonlyMap<string, StoredVariable>;
  readonly answer: DocumentAnswer;
}

export interface StoredOperations {
  /** By name, which is that of the file without `.graphql`. */
  readonly byName: ReadonlyMap<string, StoredOperation>;
  /** By name, each compiled by itself. */
  readonly fragments: Fragments;
}

/**
 * Reads the documents of a folder and checks them against the schema.
 * @throws an error that names the file of each fault
 */
export function readStoredOperations(schema: GraphQLSchema, folder: string): StoredOperations {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const { name, document } of readDocuments(join(folder, "fragments"))) {
    const [fragment, ...others] = document.definitions;
    if (fragment?.kind !== "FragmentDefinition" || others.length > 0) {
      throw new Error(`fragments/${name}.graphql must have one fragment, and nothing else.`);
    }
    if (fragment.name.value !== name) {
      throw new Error(`The fragment of fragments/${name}.graphql must be named ${name}.`);
    }
    fragments.set(name, fragment);
  }
  const byName = new Map<string, StoredOperation>();
  for (const { name, document } of readDocuments(folder)) {
    try {
      byName.set(name, compile(schema, name, document, fragments));
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      throw new Error(`openapi/documents/${name}.graphql: ${words}`, { cause: error });
    }
  }
  return { byName, fragments };
}

function readDocuments(
  folder: string,
): { readonly name: string; readonly document: DocumentNode }[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".graphql"));
  return files.sort().map((file) => ({
    name: file.slice(0, -".graphql".length),
    document: parse(readFileSync(join(folder, file), "utf8")),
  }));
}

function compile(
  schema: GraphQLSchema,
  name: string,
  source: DocumentNode,
  fragments: Fragments,
): StoredOperation {
  const [operation, ...others] = source.definitions;
  if (operation?.kind !== "OperationDefinition" || others.length > 0) {
    throw new Error("It must have one operation, and nothing else.");
  }
  if (operation.name?.value !== name) throw new Error(`Its operation must be named ${name}.`);
  const root = schema.getRootType(operation.operation);
  if (!root || operation.operation === "subscription") throw new Error("It must read or write.");
  const document = withFragments(operation, fragments);
  const faults = validate(schema, document, specifiedRules);
  if (faults.length > 0) throw new Error(faults.map(({ message }) => message).join(" "));
  const variables = new Map<string, StoredVariable>();
  for (const { variable, type: node, defaultValue } of operation.variableDefinitions ?? []) {
    const type = typeFromAST(schema, node);
    if (!isInputType(type)) throw new Error(`$${variable.name.value} has no type of the schema.`);
    const isRequired = isNonNullType(type) && defaultValue === undefined;
    variables.set(variable.name.value, { type, isRequired });
  }
  const answer = answerOf(root, operation.selectionSet, fragments);
  return { name, document, kind: operation.operation, variables, answer };
}

/** The operation with the fragments that it needs, and theirs. */
function withFragments(operation: OperationDefinitionNode, fragments: Fragments): DocumentNode {
  const needed = new Set<FragmentDefinitionNode>();
  const look = (node: OperationDefinitionNode | FragmentDefinitionNode): void => {
    visit(node, {
      FragmentSpread: ({ name }) => {
        const fragment = fragments.get(name.value);
        if (fragment === undefined || needed.has(fragment)) return;
        needed.add(fragment);
        look(fragment);
      },
    });
  };
  look(operation);
  return { kind: "Document" as DocumentNode["kind"], definitions: [operation, ...needed] };
}

/** A value as GraphQL takes it: the words of enums in capitals, at any depth. */
export function graphqlValue(type: GraphQLInputType, value: unknown): unknown {
  if (value === null || value === undefined) return value;
  if (isNonNullType(type)) return graphqlValue(type.ofType, value);
  if (isListType(type)) {
    return Array.isArray(value) ? value.map((each) => graphqlValue(type.ofType, each)) : value;
  }
  if (isEnumType(type)) return String(value).toUpperCase();
  if (!isInputObjectType(type) || !isRecord(value)) return value;
  const fields = type.getFields();
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const field = fields[name];
      return [name, field ? graphqlValue(field.type, inner) : inner];
    }),
  );
}
