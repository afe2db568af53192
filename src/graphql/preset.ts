/**
 * How the schema becomes the GraphQL API: which plugins there are, what is off unless tags.json5
 * turns it on, and who asks. It decides nothing about rows (row-level security does), and nothing
 * about HTTP beyond what Grafserv is told.
 */
import type { IncomingMessage } from "node:http";
import { PgAggregatesPreset } from "@graphile/pg-aggregates";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import type { Request } from "express";
import type { Pool } from "pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";
import type { Identity } from "../resources/authentication.ts";
import type { Logger } from "../resources/logger.ts";
import { graphiql } from "./graphiql.ts";
import { LIMITS } from "./limits/limits.ts";
import { createPgService, createWithPgClient } from "./pgService.ts";
import { type Coded, createCodedPlugin } from "./plugins/coded.ts";
import { CodesPlugin } from "./plugins/codes.ts";
import { CountsPlugin } from "./plugins/counts.ts";
import { DescriptionsPlugin } from "./plugins/descriptions.ts";
import { MissingRowsPlugin } from "./plugins/missing.ts";
import { NamingPlugin } from "./plugins/naming.ts";
import { NullabilityPlugin } from "./plugins/nullability.ts";
import { OrdersPlugin } from "./plugins/orders.ts";
import { PagesPlugin } from "./plugins/pages.ts";
import { createRequests, type Offer, type Requests, type Spend } from "./plugins/requests.ts";
import { ScalarsPlugin } from "./plugins/scalars.ts";
import { SearchPlugin } from "./plugins/search.ts";
import { SumsOnlyPlugin } from "./plugins/sums.ts";
import { TextsPlugin } from "./plugins/texts.ts";
import { createTagsPlugin } from "./tags.ts";
import type { TrustedDocuments } from "./trusted.ts";

/** Who sends a request, from where, and under which condition it may change a row. */
export interface Asking extends Identity {
  readonly network: string;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PresetOptions {
  /** Connections of the authenticator. */
  readonly pool: Pool;
  /** The role whose grants the API shows: the operator, who inherits the visitor's. */
  readonly operator: string;
  readonly logger: Logger;
  /** Whether clients may ask for the schema, and developers get GraphiQL. Never in production. */
  readonly introspection: boolean;
  /** Who sends a request, as decided before Grafserv sees it; undefined where nobody asked. */
  readonly identityOf: (request: IncomingMessage) => Asking | undefined;
  /** Who pays for what a request costs: an address or a person. */
  readonly clientOf: (request: IncomingMessage) => string;
  /**
   * Takes a cost from a client's account.
   * @throws {ApiError} `RATE_LIMITED`
   */
  readonly spend: Spend;
  /** Is told of an answer that is every visitor's, and for how long it is. */
  readonly offer: Offer;
  /** The only documents that are taken; any without them. */
  readonly trusted?: TrustedDocuments | undefined;
  /** What is no function of the database. */
  readonly coded?: Coded | undefined;
}

/** The preset of the server, and what it takes to answer a request with and without Grafserv. */
export interface Api extends Pick<Requests, "around" | "execute" | "mask" | "within"> {
  readonly preset: GraphileConfig.Preset;
}

export function createApi(options: PresetOptions): Api {
  const { pool, operator, logger, introspection, identityOf } = options;
  const isSignedIn = (request: IncomingMessage): boolean =>
    identityOf(request)?.viewer !== undefined;
  const { clientOf, spend, offer, trusted, coded } = options;
  const isTimed = (request: IncomingMessage): boolean =>
    introspection || identityOf(request)?.viewer?.role === "operator";
  const requests = createRequests({
    introspection,
    logger,
    isSignedIn,
    isTimed,
    clientOf,
    spend,
    offer,
    trusted,
  });
  const withPgClient = createWithPgClient(pool, requests.asker);
  const preset: GraphileConfig.Preset = {
    extends: [
      PostGraphileAmberPreset,
      PgSimplifyInflectionPreset,
      PgAggregatesPreset,
      PostGraphileConnectionFilterPreset,
    ],
    plugins: [
      createTagsPlugin(),
      CodesPlugin,
      CountsPlugin,
      DescriptionsPlugin,
      NamingPlugin,
      NullabilityPlugin,
      OrdersPlugin,
      PagesPlugin,
      ScalarsPlugin,
      SearchPlugin,
      SumsOnlyPlugin,
      TextsPlugin,
      MissingRowsPlugin,
      ...(coded ? [createCodedPlugin(coded)] : []),
      requests.plugin,
    ],
    disablePlugins: [...DISABLED_PLUGINS],
    pgServices: [createPgService(pool, operator)],
    gather: { pgStrictFunctions: true },
    schema: SCHEMA_OPTIONS,
    grafast: {
      timeouts: { planning: LIMITS.planningMs, execution: LIMITS.executionMs },
      context: ({ expressv4 }) => ({ ...contextOf(expressv4?.req, identityOf), withPgClient }),
    },
    grafserv: {
      graphqlPath: "/graphql",
      graphiql: introspection,
      graphiqlPath: "/graphiql",
      graphiqlOnGraphQLGET: false,
      // Where a document has a name, its answer can be kept on the way.
      graphqlOverGET: trusted !== undefined,
      // A form of another site can send anything but JSON without asking.
      allowedRequestContentTypes: ["application/json"],
      maxRequestLength: LIMITS.bodyBytes,
      maskError: requests.mask,
      websockets: false,
      watch: false,
    },
    ruru: graphiql(),
  };
  const { around, execute, mask, within } = requests;
  return { preset, around, execute, mask, within };
}

function contextOf(
  request: Request | undefined,
  identityOf: PresetOptions["identityOf"],
): Partial<Grafast.Context> {
  const asking = request && identityOf(request);
  if (!request || !asking) throw new Error("A request came past authentication.");
  return { pgSettings: pgSettings(asking), asked: { request, asking } };
}

/** The preset alone, for whoever only needs the schema. */
export function createPreset(options: PresetOptions): GraphileConfig.Preset {
  return createApi(options).preset;
}

/** Role and claims of each transaction; an empty claim is no claim, whoever had the connection. */
export function pgSettings({ role, viewer, network, settings }: Asking): Record<string, string> {
  return {
    ...settings,
    role,
    "staybase.user_id": viewer?.userId ?? "",
    "staybase.session_id": viewer?.sessionId ?? "",
    "staybase.network": network,
    // An operator who acts as somebody sees what they see; the database lets nothing be changed.
    ...(viewer?.impersonatorId !== undefined && { transaction_read_only: "on" }),
  };
}

const DISABLED_PLUGINS = [
  // What it adds to the context is ours: see createWithPgClient().
  "PgContextPlugin",
  // Clients see the row's own id; there is no second one.
  "NodePlugin",
  // `filter` does what `condition` did.
  "PgConditionArgumentPlugin",
  "PgConditionCustomFieldsPlugin",
  // Filters through relations and combinations of them are questions that no index answers.
  "PgConnectionArgFilterBackwardRelationsPlugin",
  "PgConnectionArgFilterForwardRelationsPlugin",
  "PgConnectionArgFilterLogicalOperatorsPlugin",
  "PgConnectionArgFilterComputedAttributesPlugin",
  "PgConnectionArgFilterRecordFunctionsPlugin",
  "PgConnectionArgFilterCompositeTypeAttributesPlugin",
  // Nobody orders or filters by sums of others' rows.
  "PgAggregatesOrderByAggregatesPlugin",
  "PgAggregatesFilterRelationalAggregatesPlugin",
  // Relay's mutation edges, and roads back to the root from everywhere.
  "PgMutationPayloadEdgePlugin",
  "MutationPayloadQueryPlugin",
  "QueryQueryPlugin",
] as const;

const SCHEMA_OPTIONS: GraphileBuild.SchemaOptions = {
  // A name that two things claim stops the start; it does not silently vanish.
  dontSwallowErrors: true,
  defaultBehavior: [
    "-resource:insert -resource:update -resource:delete",
    "-resource:aggregates -resource:groupedAggregates -resource:groupedAggregates:having",
    "-attribute:aggregate",
  ].join(" "),
  pgForbidSetofFunctionsToReturnNull: true,
  connectionFilterArrays: false,
  connectionFilterComputedColumns: false,
  connectionFilterSetofFunctions: false,
  connectionFilterLogicalOperators: false,
  connectionFilterRelations: false,
  // An empty filter means no filter, which is what a client with optional fields sends.
  connectionFilterAllowEmptyObjectInput: true,
  connectionFilterAllowNullInput: true,
  connectionFilterAllowedOperators: [
    "isNull",
    "equalTo",
    "in",
    "lessThan",
    "lessThanOrEqualTo",
    "greaterThan",
    "greaterThanOrEqualTo",
    "overlaps",
  ],
};
