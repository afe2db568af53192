/**
 * Parses and validates documents, the cheap limits first: what is too large is refused before
 * anything walks it at leisure. Limits that depend on variables are in rows.ts.
 */
import { maxAliasesRule } from "@escape.tech/graphql-armor-max-aliases";
import { maxDirectivesRule } from "@escape.tech/graphql-armor-max-directives";
import { depthLimit } from "@graphile/depth-limit";
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoFragmentCyclesRule,
  NoSchemaIntrospectionCustomRule,
  parse,
  type SelectionSetNode,
  specifiedRules,
  type ValidationContext,
  type ValidationRule,
  validate,
} from "postgraphile/graphql";
import { Kept } from "../../kept.ts";
import { inputError, reword, withoutSuggestion } from "../errors.ts";
import { LIMITS } from "./limits.ts";

export type ReadDocument =
  | { readonly document: DocumentNode; readonly errors?: undefined }
  | { readonly document?: undefined; readonly errors: readonly GraphQLError[] };

/** What may differ between production and development. */
export interface DocumentOptions {
  readonly introspection: boolean;
}

/**
 * A function from a document's text to the parsed document, or to the errors in it. Documents are
 * kept, for Grafast finds a plan again by the parsed document's identity.
 */
export function createDocumentReader(
  schema: GraphQLSchema,
  options: DocumentOptions,
): (source: string) => ReadDocument {
  const kept = new Kept<string, DocumentNode>(LIMITS.documentBytes);
  return (source) => {
    const known = kept.get(source);
    if (known !== undefined) return { document: known };
    const result = readDocument(schema, source, options);
    if (result.document !== undefined) {
      kept.set(source, result.document, source.length * LIMITS.bytesPerCharacter);
    }
    return result;
  };
}

function readDocument(
  schema: GraphQLSchema,
  source: string,
  options: DocumentOptions,
): ReadDocument {
  let document: DocumentNode;
  try {
    document = parse(source, { maxTokens: LIMITS.tokens });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const tooLong = error.message.endsWith("tokens. Parsing aborted.");
    return { errors: [inputError(error, tooLong ? "QUERY_TOO_COMPLEX" : "INVALID_INPUT")] };
  }
  for (const { rules, code } of options.introspection ? PHASES : PRODUCTION_PHASES) {
    const errors = validate(schema, document, rules, { maxErrors: 20 });
    if (errors.length === 0) continue;
    const shown = options.introspection
      ? errors
      : errors.map((error) => reword(error, withoutSuggestion(error.message)));
    return { errors: shown.map((error) => inputError(error, code)) };
  }
  return { document };
}

/** Counting rules stop a visit by throwing, unless they are told to report. */
const reporting = {
  propagateOnRejection: false,
  onReject: [
    (context: ValidationContext | null, error: GraphQLError) => {
      const message = error.message.replace("Syntax Error: ", "");
      context?.reportError(new GraphQLError(message));
    },
  ],
};

interface Phase {
  readonly rules: readonly ValidationRule[];
  readonly code: "INVALID_INPUT" | "QUERY_TOO_COMPLEX";
}

/** Each phase may rely on those before it: nothing is counted along a cycle of fragments. */
const PHASES: readonly Phase[] = [
  { code: "INVALID_INPUT", rules: [rootTypeRule, NoFragmentCyclesRule] },
  {
    code: "QUERY_TOO_COMPLEX",
    rules: [
      maxAliasesRule({ n: LIMITS.aliases, ...reporting }),
      maxDirectivesRule({ n: LIMITS.directives, ...reporting }),
      rootFieldsRule,
    ],
  },
  { code: "QUERY_TOO_COMPLEX", rules: [repeatsRule] },
  { code: "INVALID_INPUT", rules: specifiedRules },
  {
    code: "QUERY_TOO_COMPLEX",
    rules: [
      depthLimit({
        maxDepth: LIMITS.depth,
        maxListDepth: LIMITS.listDepth,
        maxSelfReferentialDepth: LIMITS.selfReferentialDepth,
        // GraphiQL asks for types wrapped nine deep; production has no introspection at all.
        maxIntrospectionDepth: LIMITS.introspectionDepth,
        maxDepthByFieldCoordinates: { "__Type.ofType": LIMITS.introspectionDepth },
        revealDetails: true,
      }),
    ],
  },
];

const PRODUCTION_PHASES: readonly Phase[] = [
  ...PHASES,
  { code: "INVALID_INPUT", rules: [NoSchemaIntrospectionCustomRule] },
];

/**
 * Bounds what OverlappingFieldsCanBeMergedRule has to do: it compares each two selections of one
 * name in one place, and each two fragments there: 490 of `host { id }` cost 120,000 comparisons.
 */
function repeatsRule(context: ValidationContext): ReturnType<ValidationRule> {
  return {
    OperationDefinition: (operation) => {
      if (canCompare(context, operation.selectionSet)) return false;
      const message = "The same fields or too many fragments are selected again and again.";
      context.reportError(new GraphQLError(message, { nodes: operation }));
      return false;
    },
  };
}

function canCompare(context: ValidationContext, root: SelectionSetNode): boolean {
  const seen = new Map<string, number>();
  let [selections, comparisons] = [0, 0];
  const meet = (place: string): void => {
    const before = seen.get(place) ?? 0;
    seen.set(place, before + 1);
    selections += 1;
    comparisons += before;
  };
  const walk = (set: SelectionSetNode | undefined, place: string): boolean =>
    (set?.selections ?? []).every((selection) => {
      if (selection.kind === "InlineFragment") {
        selections += 1;
        return walk(selection.selectionSet, place);
      }
      const { value } = selection.kind === "Field" ? (selection.alias ?? selection.name) : SPREAD;
      const here = `${place}.${value}`;
      meet(here);
      if (selections > LIMITS.selections || comparisons > LIMITS.comparisons) return false;
      return selection.kind === "Field"
        ? walk(selection.selectionSet, here)
        : walk(context.getFragment(selection.name.value)?.selectionSet, place);
    });
  return walk(root, "");
}

/** The specified rules pass operations of a kind that the schema has not, such as subscriptions. */
function rootTypeRule(context: ValidationContext): ReturnType<ValidationRule> {
  return {
    OperationDefinition: (operation) => {
      if (context.getSchema().getRootType(operation.operation)) return;
      const message = `There is no ${operation.operation} here.`;
      context.reportError(new GraphQLError(message, { nodes: operation }));
    },
  };
}

/** All fragments of a place are compared with one another, whatever their names. */
const SPREAD = { value: "..." };

/** Counts the fields at the root, through fragments, and stops counting when there are too many. */
function rootFieldsRule(context: ValidationContext): ReturnType<ValidationRule> {
  const count = (selectionSet: SelectionSetNode, before: number): number => {
    let total = before;
    for (const selection of selectionSet.selections) {
      // A spread counts too, so that empty rounds through fragments come to an end.
      total += 1;
      if (selection.kind === "InlineFragment") total = count(selection.selectionSet, total - 1);
      if (selection.kind === "FragmentSpread") {
        const fragment = context.getFragment(selection.name.value);
        if (fragment) total = count(fragment.selectionSet, total - 1);
      }
      if (total > LIMITS.rootFields) return total;
    }
    return total;
  };
  return {
    OperationDefinition: (operation) => {
      if (count(operation.selectionSet, 0) <= LIMITS.rootFields) return false;
      const message = `An operation has ${LIMITS.rootFields} fields at its root at most.`;
      context.reportError(new GraphQLError(message, { nodes: operation }));
      return false;
    },
  };
}
