/**
 * Says which answers are always there: the other row of a required key, the elements of lists, and
 * what a mutation answers. Where row-level security may hide the other row, tags.json5 says so.
 */
import "postgraphile";
import type { PgCodecRelation, PgCodecWithAttributes } from "postgraphile/@dataplan/pg";
import {
  GraphQLList,
  GraphQLNonNull,
  type GraphQLType,
  getNullableType,
  isListType,
  isNonNullType,
} from "postgraphile/graphql";

/** Makes what is always there non-null. */
export const NullabilityPlugin: GraphileConfig.Plugin = {
  name: "StaybaseNullabilityPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, _build, { scope }) {
        const { isMutationPayload, fieldName, pgRelationDetails } = scope;
        const isResult = isMutationPayload === true && fieldName !== "clientMutationId";
        const isThere = isResult || (pgRelationDetails && isRequired(pgRelationDetails));
        const type = withElements(field.type);
        return { ...field, type: isThere ? new GraphQLNonNull(getNullableType(type)) : type };
      },
      GraphQLObjectType_fields_field_args_arg: (arg) => ({ ...arg, type: withElements(arg.type) }),
      GraphQLInputObjectType_fields_field: (field) => ({
        ...field,
        type: withElements(field.type),
      }),
    },
  },
};

interface RelationDetails {
  readonly registry: { readonly pgRelations: Readonly<Record<string, Relations>> };
  readonly codec: PgCodecWithAttributes;
  readonly relationName: string;
}
type Relations = Readonly<Record<string, PgCodecRelation>>;

/** Whether a row has exactly one on the other side, which all who see the row may see. */
function isRequired({ registry, codec, relationName }: RelationDetails): boolean {
  const relation = registry.pgRelations[codec.name]?.[relationName];
  if (relation === undefined || relation.isReferencee) return false;
  if (relation.extensions?.tags?.mayBeHidden === true) return false;
  return relation.localAttributes.every((column) => codec.attributes[column]?.notNull === true);
}

/** The type, with elements that are never null in its lists: no list of the schema holds nulls. */
function withElements<T extends GraphQLType>(type: T): T;
function withElements(type: GraphQLType): GraphQLType {
  if (isNonNullType(type)) return new GraphQLNonNull(withElements(type.ofType));
  if (!isListType(type)) return type;
  const element = getNullableType(withElements(type.ofType));
  return new GraphQLList(new GraphQLNonNull(element));
}
