/**
 * The OpenAPI document, the list of operations and the files of both say the same: an operation has
 * one name, and that name is its file here and there.
 */
import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { operations } from "../../src/rest/index.ts";
import { filesUnder, type SourceFile } from "./repository.ts";

/** What the rules look at. */
interface Rest {
  /** The parsed openapi/openapi.yaml. */
  readonly document: unknown;
  /** The files that it refers to: paths/*.yaml, responses/*.yaml, schemas/*.yaml. */
  readonly parts: readonly SourceFile[];
  /** src/rest/*.ts. */
  readonly handlers: readonly SourceFile[];
  /** The names in src/rest/index.ts. */
  readonly listed: readonly string[];
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1, path.lastIndexOf("."));
}

/** The operations that openapi.yaml refers to, each by the name of its file. */
function referredOperations(document: unknown): { names: string[]; faults: string[] } {
  const names: string[] = [];
  const faults: string[] = [];
  for (const [path, item] of entries(member(document, "paths"))) {
    for (const [method, operation] of entries(item)) {
      if (!METHODS.includes(method)) continue;
      const reference = member(operation, "$ref");
      const name = /^paths\/([A-Za-z]+)\.yaml$/.exec(String(reference))?.[1];
      if (name !== undefined) names.push(name);
      else {
        faults.push(
          `openapi.yaml has ${method.toUpperCase()} ${path} without a reference: move the ` +
            "operation to openapi/paths/<operationId>.yaml and refer to it.",
        );
      }
    }
  }
  return { names, faults };
}

function nameFaults({ document, parts, handlers, listed }: Rest): string[] {
  const { names, faults } = referredOperations(document);
  const files = parts.filter(({ path }) => path.includes("/paths/"));
  const written = files.map(({ path }) => baseName(path));
  for (const { path, text } of files) {
    const id: unknown = member(parse(text), "operationId");
    if (id === baseName(path)) continue;
    faults.push(`${path} has the operationId ${String(id)}: give both the same name.`);
  }
  const implemented = handlers
    .filter(({ path, text }) => text.includes(`export const ${baseName(path)}: RestHandler`))
    .map(({ path }) => baseName(path));
  const lists: readonly (readonly [names: readonly string[], where: string])[] = [
    [names, "openapi/openapi.yaml"],
    [written, "openapi/paths/<operationId>.yaml"],
  ];
  const code: typeof lists = [
    [implemented, "src/rest/<operationId>.ts"],
    [listed, "src/rest/index.ts"],
  ];
  const withoutCode = declared(parts);
  const all = new Set([...lists, ...code].flatMap(([list]) => list));
  for (const name of [...all].sort()) {
    const isDeclared = withoutCode.includes(name);
    const needed = isDeclared ? lists : [...lists, ...code];
    const absent = needed.filter(([list]) => !list.includes(name)).map(([, where]) => where);
    if (isDeclared && code.some(([list]) => list.includes(name))) {
      faults.push(`The operation ${name} names a document, and is coded too: choose one.`);
    }
    if (absent.length > 0) faults.push(`The operation ${name} is missing in ${absent.join(", ")}.`);
  }
  if (new Set(names).size < names.length) {
    faults.push("openapi.yaml refers twice to one operation: each has one address.");
  }
  return faults;
}

/** The operations that name a stored document instead of being coded. */
function declared(parts: readonly SourceFile[]): string[] {
  return parts
    .filter(({ path }) => path.includes("/paths/"))
    .filter(({ text }) => member(parse(text), "x-graphql") !== undefined)
    .map(({ path }) => baseName(path));
}

/** Refusals are problem+json of our own schema, and whoever needs a token is told of 401. */
function answerFaults({ document, parts }: Rest): string[] {
  const isPublicByDefault = entries(member(document, "security")).length === 0;
  const operationFiles = parts.filter(({ path }) => path.includes("/paths/"));
  return operationFiles.flatMap(({ path, text }) => {
    const operation: unknown = parse(text);
    const responses = entries(member(operation, "responses"));
    const errors = responses.filter(([status]) => /^[45]/.test(status));
    const faults = errors.flatMap(([status, response]) => {
      const shared = /^\.\.\/(responses\/\w+\.yaml)$/.exec(String(member(response, "$ref")))?.[1];
      const file = parts.find(({ path: each }) => each === `openapi/${shared}`);
      const content = member(file ? parse(file.text) : response, "content");
      const problem = member(content, "application/problem+json");
      const reference = member(member(problem, "schema"), "$ref");
      const isOurs = reference === "../schemas/Problem.yaml";
      if (isOurs && entries(content).length === 1) return [];
      return [
        `${path} describes ${status} otherwise: its content is application/problem+json alone, ` +
          "with the schema ../schemas/Problem.yaml.",
      ];
    });
    const rest = member(member(member(operation, "responses"), "default"), "$ref");
    if (rest !== "../responses/Problem.yaml") {
      faults.push(
        `${path} does not say what else it may answer, such as 503: add "default: ` +
          '$ref: ../responses/Problem.yaml".',
      );
    }
    const security = member(operation, "security");
    const isPublic = security === undefined ? isPublicByDefault : entries(security).length === 0;
    if (!isPublic && !responses.some(([status]) => status === "401")) {
      faults.push(`${path} needs a token, but describes no 401: add it.`);
    }
    return faults;
  });
}

function schemaFaults({ document, parts }: Rest): string[] {
  const references = [JSON.stringify(document), ...parts.map(({ text }) => text)].join("\n");
  const schemas = parts.filter(({ path }) => path.includes("/schemas/"));
  return schemas.flatMap(({ path }) =>
    references.includes(`${baseName(path)}.yaml`)
      ? []
      : [`Nothing refers to ${path}: remove it, or use it.`],
  );
}

function readRest(): Rest {
  const files = filesUnder("openapi", ".yaml");
  const main = files.find(({ path }) => path === "openapi/openapi.yaml");
  return {
    document: parse(main?.text ?? ""),
    parts: files.filter((file) => file !== main),
    handlers: filesUnder("src/rest", ".ts"),
    listed: Object.keys(operations),
  };
}

/** A small API that breaks no rule, for the negative controls to break. */
const GOOD: Rest = {
  document: {
    security: [{ bearerAuth: [] }],
    paths: { "/me": { get: { $ref: "paths/getMe.yaml" } } },
  },
  parts: [
    {
      path: "openapi/paths/getMe.yaml",
      text: `operationId: getMe
responses:
  "200":
    description: Me.
  "401":
    description: No.
    content:
      application/problem+json:
        schema:
          $ref: ../schemas/Problem.yaml
  default:
    $ref: ../responses/Problem.yaml`,
    },
    { path: "openapi/schemas/Problem.yaml", text: "type: object" },
  ],
  handlers: [{ path: "src/rest/getMe.ts", text: "export const getMe: RestHandler = x;" }],
  listed: ["getMe"],
};

function edit(path: string, from: string | RegExp, to: string): Rest {
  const parts = GOOD.parts.map((part) =>
    part.path === path ? { path, text: part.text.replace(from, to) } : part,
  );
  return { ...GOOD, parts };
}

test("an operation has one name, in the document, in its files and in the list", () => {
  expect(nameFaults(readRest())).toEqual([]);

  expect(nameFaults(GOOD)).toEqual([]);
  const file = "openapi/paths/getMe.yaml";
  const broken: Rest[] = [
    { ...GOOD, listed: [] },
    { ...GOOD, listed: ["getMe", "getYou"] },
    { ...GOOD, handlers: [] },
    { ...GOOD, parts: [] },
    { ...GOOD, document: {} },
    { ...GOOD, document: { paths: { "/me": { get: { operationId: "getMe" } } } } },
    {
      ...GOOD,
      handlers: [
        ...GOOD.handlers,
        { path: "src/rest/logIn.ts", text: "export const logIn: RestHandler = x;" },
      ],
    },
    edit(file, "getMe", "getme"),
    edit(file, "operationId: getMe", "operationId: getMe\nx-graphql: documents/getMe.graphql"),
  ];
  for (const rest of broken) expect(nameFaults(rest)).not.toEqual([]);
  // An operation that names a document has no code.
  const stored = broken.at(-1) ?? GOOD;
  expect(nameFaults({ ...stored, handlers: [], listed: [] })).toEqual([]);
});

test("every operation documents its errors as application/problem+json", () => {
  expect(answerFaults(readRest())).toEqual([]);

  expect(answerFaults(GOOD)).toEqual([]);
  const file = "openapi/paths/getMe.yaml";
  for (const rest of [
    edit(file, "application/problem+json", "application/json"),
    edit(file, "Problem.yaml", "Me.yaml"),
    edit(file, '"401"', '"404"'),
    edit(file, /"401"[\s\S]*(?= {2}default)/, ""),
    edit(file, / {2}default[\s\S]*/, ""),
    edit(file, /description: No\.[\s\S]*?Problem.yaml/, "$ref: ../responses/Absent.yaml"),
  ]) {
    expect(answerFaults(rest)).not.toEqual([]);
  }
});

/** What says where it has made something is a collection whose members can be read. */
function locationFaults({ document, parts }: Rest): string[] {
  const paths = member(document, "paths");
  const addresses = entries(paths);
  return addresses.flatMap(([path, item]) => {
    const file = `openapi/${String(member(member(item, "post"), "$ref"))}`;
    const operation: unknown = parse(parts.find((part) => part.path === file)?.text ?? "");
    const made = member(member(operation, "responses"), "201");
    if (member(member(made, "headers"), "Location") === undefined) return [];
    const isReadable = addresses.some(
      ([other, its]) =>
        other.startsWith(`${path}/{`) &&
        !other.slice(path.length + 1).includes("/") &&
        member(its, "get") !== undefined,
    );
    return isReadable ? [] : [`${file} names a Location, but nobody can GET ${path}/{id}.`];
  });
}

test("a Location leads somewhere", () => {
  expect(locationFaults(readRest())).toEqual([]);

  const text = 'responses:\n  "201":\n    headers:\n      Location: {}';
  const parts = [{ path: "openapi/paths/make.yaml", text }];
  const post = { $ref: "paths/make.yaml" };
  const alone = { paths: { "/things": { post }, "/things/{id}/parts": { get: {} } } };
  expect(locationFaults({ ...GOOD, parts, document: alone })).toHaveLength(1);
  const whole = { paths: { ...alone.paths, "/things/{id}": { get: {} } } };
  expect(locationFaults({ ...GOOD, parts, document: whole })).toEqual([]);
});

test("no schema lies about unused", () => {
  expect(schemaFaults(readRest())).toEqual([]);

  const lonely = { path: "openapi/schemas/Lonely.yaml", text: "type: object" };
  expect(schemaFaults({ ...GOOD, parts: [...GOOD.parts, lonely] })).toHaveLength(1);
});
