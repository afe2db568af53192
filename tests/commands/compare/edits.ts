/**
 * What a developer may do to an OpenAPI document, and whether clients notice: kinds of edits of
 * schemas, and the places in a document to which each fits.
 */
import type { Use } from "../../../src/commands/schema/compare/schemas.ts";
import { isRecord, memberOf } from "../../../src/values.ts";

/** A schema that a test may change. */
export type Schema = Record<string, unknown>;

/** A schema by its path in the document, and who depends on it. */
export interface Site {
  readonly path: readonly string[];
  readonly uses: ReadonlySet<Use>;
}

/** Every schema of an OpenAPI document that an operation leads to. */
export function sitesOf(document: unknown): Site[] {
  const sites = new Map<string, { path: readonly string[]; uses: Set<Use> }>();
  const walk = (path: readonly string[], use: Use): void => {
    const schema = at(document, path);
    if (!isRecord(schema)) return;
    if (typeof schema.$ref === "string") {
      walk(schema.$ref.slice(2).split("/"), use);
      return;
    }
    const key = path.join("\n");
    const site = sites.get(key) ?? { path, uses: new Set() };
    if (site.uses.has(use)) return;
    sites.set(key, site);
    site.uses.add(use);
    for (const name of Object.keys(Object(schema.properties))) {
      walk([...path, "properties", name], use);
    }
    walk([...path, "items"], use);
    for (const index of Object.keys(Object(schema.oneOf))) walk([...path, "oneOf", index], use);
  };
  const media = (path: readonly string[], use: Use): void => {
    const reference = memberOf(at(document, path), "$ref");
    if (typeof reference === "string") {
      media(reference.slice(2).split("/"), use);
      return;
    }
    walk([...path, "schema"], use);
    for (const type of Object.keys(Object(at(document, [...path, "content"])))) {
      walk([...path, "content", type, "schema"], use);
    }
  };
  for (const path of operationsOf(document)) {
    for (const index of Object.keys(Object(at(document, [...path, "parameters"])))) {
      media([...path, "parameters", index], "sent");
    }
    media([...path, "requestBody"], "sent");
    for (const status of Object.keys(Object(at(document, [...path, "responses"])))) {
      media([...path, "responses", status], "answered");
    }
  }
  return [...sites.values()];
}

/** The path of every operation in the document. */
export function operationsOf(document: unknown): string[][] {
  return Object.entries(Object(memberOf(document, "paths"))).flatMap(([path, item]) =>
    Object.keys(Object(item)).map((method) => ["paths", path, method]),
  );
}

export function at(document: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(memberOf, document);
}

/** One kind of edit; it says whether it fits a schema, and then has changed it. */
export interface Edit {
  readonly name: string;
  edit(schema: Schema): boolean;
}

const names = (schema: Schema): string[] => Object.keys(Object(schema.properties));
const required = (schema: Schema): string[] => (schema.required ?? []) as string[];
const optional = (schema: Schema): string[] =>
  names(schema).filter((name) => !required(schema).includes(name));
const words = (schema: Schema): unknown[] => (schema.enum ?? []) as unknown[];

function addMember(schema: Schema, isRequired: boolean): boolean {
  if (schema.properties === undefined) return false;
  schema.properties = { ...Object(schema.properties), fresh: { type: "string" } };
  if (isRequired) schema.required = [...required(schema), "fresh"];
  return true;
}

function removeMember(schema: Schema): boolean {
  const [name = ""] = names(schema);
  schema.required = required(schema).filter((each) => each !== name);
  return delete Object(schema.properties)[name] && name !== "";
}

function requireMember(schema: Schema): boolean {
  const [name] = optional(schema);
  schema.required = [...required(schema), name];
  return name !== undefined;
}

function freeMember(schema: Schema): boolean {
  const [name, ...others] = required(schema);
  schema.required = others;
  return name !== undefined;
}

const addWord = (schema: Schema): boolean =>
  words(schema).length > 0 && words(schema).push("fresh") > 0;

function removeWord(schema: Schema): boolean {
  const left = words(schema).filter((word) => word !== null);
  if (left.length < 2) return false;
  schema.enum = words(schema).filter((word) => word !== left[0]);
  return true;
}

function addNull(schema: Schema): boolean {
  const { type } = schema;
  if (typeof type !== "string" || type === "null") return false;
  schema.type = [type, "null"];
  if (schema.enum !== undefined) schema.enum = [...words(schema), null];
  return true;
}

function removeNull(schema: Schema): boolean {
  const { type } = schema;
  if (!Array.isArray(type) || !type.includes("null")) return false;
  schema.type = type.filter((each) => each !== "null");
  if (schema.enum !== undefined) schema.enum = words(schema).filter((word) => word !== null);
  return true;
}

const isText = ({ type, enum: listed }: Schema): boolean =>
  [type].flat().includes("string") && listed === undefined;

/** An edit that fits where `when` is true. */
const set =
  (when: (schema: Schema) => boolean, change: (schema: Schema) => object) =>
  (schema: Schema): boolean => {
    const fits = when(schema);
    if (fits) Object.assign(schema, change(schema));
    return fits;
  };
const longer = (by: number) =>
  set(isText, ({ maxLength }) => ({ maxLength: Number(maxLength ?? 50) + by }));
const hasLength = ({ maxLength }: Schema): boolean => maxLength !== undefined;
const always = (): boolean => true;

const otherType: Edit = {
  name: "has another type",
  edit: set(
    ({ type }) => type !== undefined,
    ({ type, properties }) => ({ type: type === "boolean" ? "string" : "boolean", properties }),
  ),
};
const wordGoes: Edit = { name: "loses a word", edit: removeWord };
const memberGoes: Edit = { name: "loses a member", edit: removeMember };

/** What clients notice, by who depends on the schema. */
export const BREAKING: Readonly<Record<Use, readonly Edit[]>> = {
  sent: [
    otherType,
    wordGoes,
    memberGoes,
    { name: "wants a new member", edit: (schema) => addMember(schema, true) },
    { name: "wants a member that could be left out", edit: requireMember },
    { name: "takes no null any more", edit: removeNull },
    { name: "takes listed words only", edit: set(isText, () => ({ enum: ["fresh"] })) },
    { name: "takes shorter texts", edit: longer(-1) },
    { name: "takes another pattern", edit: set(isText, () => ({ pattern: "^fresh$" })) },
    { name: "takes another format", edit: set(isText, () => ({ format: "fresh" })) },
    {
      name: "takes fewer numbers",
      edit: set(
        ({ type }) => type === "integer",
        ({ minimum }) => ({ minimum: Number(minimum ?? 0) + 1 }),
      ),
    },
    {
      name: "takes fewer items",
      edit: set(
        ({ type }) => type === "array",
        ({ maxItems }) => ({ maxItems: Number(maxItems ?? 50) - 1 }),
      ),
    },
    {
      name: "means another by nothing",
      edit: set(
        (schema) => schema.default !== undefined,
        () => ({ default: "fresh" }),
      ),
    },
  ],
  answered: [
    otherType,
    wordGoes,
    memberGoes,
    { name: "may leave out a member", edit: freeMember },
    { name: "may be null", edit: addNull },
    {
      name: "has no format",
      edit: set(
        ({ format }) => format !== undefined,
        () => ({ format: undefined }),
      ),
    },
    {
      name: "has another pattern",
      edit: set(
        ({ pattern }) => pattern !== undefined,
        () => ({ pattern: "^fresh$" }),
      ),
    },
  ],
};

const SAME: readonly Edit[] = [
  { name: "is described", edit: set(always, () => ({ description: "Fresh.", examples: ["x"] })) },
  { name: "has a name of ours", edit: set(always, () => ({ "x-fresh": true })) },
  {
    name: "is in another order",
    edit: set(always, (schema) => ({
      ...(schema.required !== undefined && { required: required(schema).toReversed() }),
      ...(schema.enum !== undefined && { enum: words(schema).toReversed() }),
    })),
  },
  { name: "has a new member", edit: (schema) => addMember(schema, false) },
  { name: "has a new word", edit: addWord },
];

/** What no client notices. */
export const HARMLESS: Readonly<Record<Use, readonly Edit[]>> = {
  sent: [
    ...SAME,
    { name: "takes less", edit: freeMember },
    { name: "takes null", edit: addNull },
    {
      name: "takes longer texts",
      edit: set(hasLength, ({ maxLength }) => ({ maxLength: Number(maxLength) + 1 })),
    },
    {
      name: "takes any format",
      edit: set(always, () => ({ format: undefined, pattern: undefined })),
    },
  ],
  answered: [
    ...SAME,
    { name: "always has a member", edit: requireMember },
    { name: "is never null", edit: removeNull },
    { name: "has shorter texts", edit: longer(-1) },
  ],
};

/** A copy of the same kind: `structuredClone` gives objects of another realm under jest. */
export function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}
