/**
 * What will be taken away, out of both documents: operations and parameters that OpenAPI marks
 * `deprecated`, with the dates in `x-deprecation`, and what GraphQL marks `@deprecated`, with the
 * dates at the end of the reason. Answers of REST say so in headers (RFC 9745, RFC 8594).
 */
import type { Request, Response } from "express";
import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from "postgraphile/graphql";
import { isRecord, memberOf, textIn } from "../values.ts";
import type { Documented } from "./openapi.ts";

/** Where the policy is, and the list of what is deprecated. */
export const DEPRECATIONS_PATH = "/docs/deprecations";
/** How long clients have at least, in months. */
export const NOTICE_MONTHS = 6;

export interface Deprecation {
  /** As clients know it: `GET /v1/listings`, `Listing.title`. */
  readonly what: string;
  /** The days, `YYYY-MM-DD`, on which it was said and after which it may be gone. */
  readonly since: string;
  readonly sunset: string;
  /** What to do instead, as the documents say it. */
  readonly instead: string;
  /** A page about this one; that of all otherwise. */
  readonly link: string;
}

/** A deprecation, with whether a request meets it. */
interface Marked extends Deprecation {
  readonly operationId: string;
  isMet(request: Request): boolean;
}

export interface Deprecations {
  readonly all: readonly Deprecation[];
  /** Says in the headers of an answer what the request used that is deprecated. */
  mark(operationId: string, request: Request, response: Response): void;
}

/** @throws where something is deprecated without saying since when and until when */
export function readDeprecations(
  documented: readonly Documented[],
  schema: GraphQLSchema,
): Deprecations {
  const faults: string[] = [];
  const marked = documented.flatMap((each) => operationDeprecations(each, faults));
  const graphql = Object.values(schema.getTypeMap()).flatMap((type) =>
    typeDeprecations(type, faults),
  );
  if (faults.length > 0) throw new Error(`Deprecated without dates:\n${faults.join("\n")}`);
  return {
    all: [...marked, ...graphql],
    mark: (operationId, request, response) => {
      const met = marked.filter((each) => each.operationId === operationId && each.isMet(request));
      if (met.length > 0) setHeaders(response, met);
    },
  };
}

/** The earliest dates, for a client has to have done with all of it. */
function setHeaders(response: Response, met: readonly Deprecation[]): void {
  const first = (days: readonly string[]): Date => new Date([...days].sort()[0] ?? "");
  const since = first(met.map((each) => each.since)).getTime() / 1000;
  response.setHeader("Deprecation", `@${since}`);
  response.setHeader("Sunset", first(met.map((each) => each.sunset)).toUTCString());
  for (const link of new Set(met.map((each) => each.link))) {
    response.append("Link", `<${link}>; rel="deprecation"; type="text/html"`);
  }
}

function operationDeprecations(
  { operationId, method, path, operation }: Documented,
  faults: string[],
): Marked[] {
  const request = `${method.toUpperCase()} /v1${path}`;
  const whole = fromOpenapi(request, operation, faults);
  const parts = (operation.parameters ?? []).flatMap((parameter) => {
    const name = textIn(parameter, "name") ?? "";
    const isMet = (asked: Request): boolean => isSent(asked, name, parameter.in);
    const found = fromOpenapi(`${request} ${name}`, parameter, faults);
    return found.map((each) => ({ ...each, operationId, isMet }));
  });
  return [...whole.map((each) => ({ ...each, operationId, isMet: () => true })), ...parts];
}

/** Whether the client itself has sent it: the validator adds defaults to `query`. */
function isSent(request: Request, name: string, where: unknown): boolean {
  if (where === "header") return request.get(name) !== undefined;
  return where === "path" || new URLSearchParams(request.originalUrl.split("?")[1]).has(name);
}

function fromOpenapi(what: string, element: unknown, faults: string[]): Deprecation[] {
  const dates = memberOf(element, "x-deprecation");
  const isDeprecated = memberOf(element, "deprecated") === true;
  if (!isDeprecated && dates === undefined) return [];
  const found = {
    what,
    since: textIn(dates, "since") ?? "",
    sunset: textIn(dates, "sunset") ?? "",
    instead: textIn(element, "description") ?? "",
    link: textIn(dates, "link") ?? DEPRECATIONS_PATH,
  };
  if (!isDeprecated) faults.push(`${what}: x-deprecation goes with \`deprecated: true\`.`);
  if (!isRecord(dates)) faults.push(`${what}: add x-deprecation, with since and sunset.`);
  else faults.push(...dateFaults(found));
  return [found];
}

/** The end of a reason in GraphQL. */
const DATES = /^(.*?)\s*Since (\S+), until (\S+)\.$/s;

function typeDeprecations(type: GraphQLNamedType, faults: string[]): Deprecation[] {
  if (type.name.startsWith("__")) return [];
  return membersOf(type).flatMap(({ what, reason }) => {
    const [, instead, since = "", sunset = ""] = DATES.exec(reason) ?? [];
    if (instead === undefined) {
      faults.push(`${what}: end the reason with "Since 2026-11-30, until 2027-05-31."`);
      return [];
    }
    const found = { what, since, sunset, instead, link: DEPRECATIONS_PATH };
    faults.push(...dateFaults(found));
    return [found];
  });
}

/** What of a type is deprecated. */
function membersOf(type: GraphQLNamedType): { what: string; reason: string }[] {
  const members: { what: string; deprecationReason?: string | null | undefined }[] = [];
  if (isEnumType(type)) {
    for (const { name, deprecationReason } of type.getValues()) {
      members.push({ what: `${type.name}.${name}`, deprecationReason });
    }
  } else if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) {
      const what = `${type.name}.${field.name}`;
      members.push({ what, deprecationReason: field.deprecationReason });
      for (const { name, deprecationReason } of "args" in field ? field.args : []) {
        members.push({ what: `${what}(${name}:)`, deprecationReason });
      }
    }
  }
  return members.flatMap(({ what, deprecationReason: reason }) =>
    typeof reason === "string" ? [{ what, reason }] : [],
  );
}

function dateFaults({ what, since, sunset }: Deprecation): string[] {
  const wrong = [since, sunset].filter((day) => !isDay(day));
  if (wrong.length > 0) return wrong.map((day) => `${what}: "${day}" is no day, as 2026-11-30 is.`);
  const first = new Date(since);
  first.setUTCMonth(first.getUTCMonth() + NOTICE_MONTHS);
  if (new Date(sunset) >= first) return [];
  return [`${what}: clients have ${NOTICE_MONTHS} months, until ${dayOf(first)} at the earliest.`];
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(date.getTime()) && dayOf(date) === text;
}
