/**
 * Writes GraphQL documents whose types follow from their text: `gql("query ($id: UUID!) { ... }")`.
 * It needs the package gql.tada. What it makes is an ordinary document, also for other clients.
 */
import { initGraphQLTada } from "gql.tada";
import type { introspection } from "./introspection.ts";

export type { FragmentOf, ResultOf, VariablesOf } from "gql.tada";
export type { introspection };

/** How scalars come in JSON: big numbers, days and instants are text. */
export interface Scalars {
  BigFloat: string;
  BigInt: string;
  Cursor: string;
  Date: string;
  Datetime: string;
  Time: string;
  UUID: string;
  WebUrl: string;
}

/** A document of its text and the fragments that it spreads: `gql(text, [fragment])`. */
export const gql = initGraphQLTada<{
  introspection: introspection;
  scalars: Scalars;
  disableMasking: true;
}>();
