/**
 * Shows texts that are codes as enums, in capitals like all others. SQL keeps them as text with a
 * check or in one function, and writes them small. What the values mean is in descriptions.json5.
 */
import "postgraphile";
import type { PgSelectSingleStep } from "postgraphile/@dataplan/pg";
import { lambda, type Step } from "postgraphile/grafast";
import {
  GraphQLList,
  GraphQLNonNull,
  type GraphQLOutputType,
  isListType,
  isNonNullType,
} from "postgraphile/graphql";

/** The enums, with the codes as SQL writes them. */
export const CODES = {
  LineItemCode: [
    "nights",
    "cleaning_fee",
    "extra_guest_fee",
    "pet_fee",
    "guest_service_fee",
    "host_commission",
  ],
  BookabilityCode: [
    "not_published",
    "own_listing",
    "no_rates",
    "in_the_past",
    "min_nights",
    "max_nights",
    "booking_window",
    "advance_notice",
    "too_many_guests",
    "children_not_welcome",
    "too_many_infants",
    "pets_not_allowed",
    "too_many_pets",
    "nights_taken",
    "total_too_low",
    "total_too_high",
  ],
  LedgerTransactionKind: [
    "charge",
    "late_charge",
    "cancellation",
    "goodwill",
    "refund",
    "refund_failure",
    "foreign_refund",
    "foreign_refund_failure",
    "settlement",
    "unknown_charge",
    "alteration",
  ],
  PublicationRequirement: [
    "title",
    "description",
    "house_rules",
    "address",
    "photo",
    "rates",
    "verified_email",
  ],
} as const;

/** Where they are. */
const FIELDS: Readonly<Record<string, keyof typeof CODES>> = {
  "BookabilityReason.code": "BookabilityCode",
  "CancellationLine.code": "LineItemCode",
  "CancellationLineItem.code": "LineItemCode",
  "LedgerTransaction.kind": "LedgerTransactionKind",
  "Listing.missingForPublication": "PublicationRequirement",
  "PriceLine.code": "LineItemCode",
  "QuoteLineItem.code": "LineItemCode",
};

/** Texts that are a code or a figure. */
const CAPITALS = [
  "BookabilityReason.rule",
  "CancellationLine.rule",
  "CancellationLineItem.rule",
  "PriceLine.rule",
  "QuoteLineItem.rule",
];

/** Gives codes their enum. */
export const CodesPlugin: GraphileConfig.Plugin = {
  name: "StaybaseCodesPlugin",
  version: "1.0.0",
  before: ["StaybaseNullabilityPlugin"],
  schema: {
    hooks: {
      init(_, build) {
        for (const [name, codes] of Object.entries(CODES)) {
          const values = codes.map((code) => [code.toUpperCase(), { value: code }] as const);
          const config = (): { values: Record<string, { value: string }> } => ({
            values: Object.fromEntries(values),
          });
          build.registerEnumType(name, {}, config, "StaybaseCodesPlugin");
        }
        return _;
      },
      GraphQLObjectType_fields_field(field, build, { Self, scope }) {
        const path = `${Self.name}.${scope.fieldName}`;
        const codes = FIELDS[path];
        if (codes) {
          return { ...field, type: withNamed(field.type, build.getOutputTypeByName(codes)) };
        }
        if (!CAPITALS.includes(path)) return field;
        // Without a plan of its own a column is read by its name.
        const read =
          field.plan ?? (($row: Step) => ($row as PgSelectSingleStep).get(scope.fieldName));
        return {
          ...field,
          plan: ($row, fieldArgs, info) =>
            lambda(read($row, fieldArgs, info) as Step<string | null>, capitals),
        };
      },
    },
  },
};

const capitals = (text: string | null): string | null => text?.toUpperCase() ?? null;

/** The type with another in its innermost place. */
function withNamed(type: GraphQLOutputType, named: GraphQLOutputType): GraphQLOutputType {
  if (isNonNullType(type)) return new GraphQLNonNull(withNamed(type.ofType, named));
  return isListType(type) ? new GraphQLList(withNamed(type.ofType, named)) : named;
}
