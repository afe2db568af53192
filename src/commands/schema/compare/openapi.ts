/** What breaks clients between two bundled OpenAPI documents, one sentence each. */
import { isDeepStrictEqual } from "node:util";
import { isRecord, memberOf, textIn } from "../../../values.ts";
import { Comparison, type Pair } from "./comparison.ts";
import { compareSchemas, type Use } from "./schemas.ts";

type Members = Readonly<Record<string, unknown>>;
const membersOf = (value: unknown): Members => (isRecord(value) ? value : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export function compareOpenapi(before: unknown, after: unknown): string[] {
  const to = new Comparison(before, after);
  const servers = listOf(memberOf(after, "servers")).map((server) => memberOf(server, "url"));
  for (const server of listOf(memberOf(before, "servers"))) {
    const url = memberOf(server, "url");
    if (!servers.includes(url)) to.report(String(url), "is gone");
  }
  compareSchemes(to, before, after);
  const now = membersOf(memberOf(after, "paths"));
  for (const [path, item] of Object.entries(membersOf(memberOf(before, "paths")))) {
    for (const [method, operation] of Object.entries(membersOf(item))) {
      if (!METHODS.has(method)) continue;
      const place = `${method.toUpperCase()} ${path}`;
      const other = memberOf(now[path], method);
      if (other === undefined) to.report(place, "is gone");
      else {
        compareOperation(to, {
          place,
          before: whole(operation, item, before),
          after: whole(other, now[path], after),
        });
      }
    }
  }
  return to.found;
}

const METHODS = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace"]);

/** An operation with what its path and its document say for all. */
function whole(operation: unknown, item: unknown, document: unknown): Members {
  const shared = listOf(memberOf(item, "parameters"));
  const { security = memberOf(document, "security"), parameters, ...others } = membersOf(operation);
  return { ...others, security, parameters: [...shared, ...listOf(parameters)] };
}

function compareOperation(to: Comparison, { place, before, after }: Pair): void {
  const [from, now] = [memberOf(before, "operationId"), memberOf(after, "operationId")];
  if (from !== now) to.report(place, `is called ${now} now, and was ${from}`);
  compareSecurity(to, { place, before, after });
  compareParameters(to, { place, before, after });
  const body = (operation: unknown) => memberOf(operation, "requestBody");
  compareBody(to, { place: `${place} body`, before: body(before), after: body(after) });
  const answers = (operation: unknown) => membersOf(memberOf(operation, "responses"));
  const others = answers(after);
  const known = answers(before);
  for (const status of Object.keys(others)) {
    if (/^2/.test(status) && known[status] === undefined) to.report(`${place} ${status}`, "is new");
  }
  for (const [status, answer] of Object.entries(known)) {
    const pair = { place: `${place} ${status}`, before: answer, after: others[status] };
    if (pair.after === undefined) to.report(pair.place, "is gone");
    else compareAnswer(to, pair);
  }
}

/** One of the old ways in must be enough, as it was; `{}` is the way without any. */
function compareSecurity(to: Comparison, { place, before, after }: Pair): void {
  const ways = (operation: unknown): readonly unknown[] => {
    const listed = listOf(memberOf(operation, "security"));
    return listed.length === 0 ? [{}] : listed;
  };
  const now = ways(after);
  if (now.some((way) => isDeepStrictEqual(way, {}))) return;
  for (const way of ways(before)) {
    if (now.some((each) => isDeepStrictEqual(each, way))) continue;
    const words = Object.keys(Object(way)).join(" and ");
    to.report(place, words === "" ? "needs a token now" : `does not take ${words} any more`);
  }
}

function compareSchemes(to: Comparison, before: unknown, after: unknown): void {
  const schemes = (document: unknown): Members =>
    membersOf(memberOf(memberOf(document, "components"), "securitySchemes"));
  const now = schemes(after);
  for (const [name, scheme] of Object.entries(schemes(before))) {
    const { description: _from, ...from } = membersOf(scheme);
    const { description: _now, ...other } = membersOf(now[name]);
    if (!isDeepStrictEqual(from, other)) to.report(name, "is another security scheme");
  }
}

function compareParameters(to: Comparison, { place, before, after }: Pair): void {
  const keyOf = (parameter: unknown): string =>
    `${textIn(parameter, "in")} parameter ${textIn(parameter, "name")}`;
  const parameters = (operation: unknown): readonly unknown[] =>
    listOf(memberOf(operation, "parameters"));
  const known = new Map(parameters(before).map((each) => [keyOf(to.old(each)), each]));
  const now = new Map(parameters(after).map((each) => [keyOf(to.new(each)), each]));
  for (const [key, parameter] of known) {
    const other = now.get(key);
    if (other === undefined) to.report(`${place} ${key}`, "is gone");
    else compareParameter(to, { place: `${place} ${key}`, before: parameter, after: other });
  }
  for (const [key, parameter] of now) {
    if (known.has(key) || memberOf(to.new(parameter), "required") !== true) continue;
    to.report(`${place} ${key}`, "is required now");
  }
}

/** How a parameter is written. */
const WRITING = ["style", "explode", "allowReserved"];

function compareParameter(to: Comparison, pair: Pair): void {
  const resolved = to.resolve(pair, "sent");
  if (resolved === undefined) return;
  const { place, before, after } = resolved;
  compareRequired(to, resolved);
  for (const name of WRITING) {
    if (memberOf(before, name) === memberOf(after, name)) continue;
    to.report(place, `has another ${name}`);
  }
  const schema = (parameter: unknown) => memberOf(parameter, "schema");
  compareSchemas(to, { place, before: schema(before), after: schema(after) }, "sent");
  compareMedia(to, resolved, "sent");
}

function compareRequired(to: Comparison, { place, before, after }: Pair): void {
  const isRequired = (value: unknown): boolean => memberOf(value, "required") === true;
  if (isRequired(after) && !isRequired(before)) to.report(place, "is required now");
}

function compareBody(to: Comparison, pair: Pair): void {
  const resolved = to.resolve(pair, "sent");
  if (resolved === undefined) return;
  compareRequired(to, resolved);
  if (resolved.before === undefined) return;
  if (resolved.after === undefined) to.report(resolved.place, "is gone");
  else compareMedia(to, resolved, "sent");
}

function compareAnswer(to: Comparison, pair: Pair): void {
  const resolved = to.resolve(pair, "answered");
  if (resolved === undefined) return;
  compareMedia(to, resolved, "answered");
  const headers = (answer: unknown) => membersOf(memberOf(answer, "headers"));
  const now = headers(resolved.after);
  for (const [name, header] of Object.entries(headers(resolved.before))) {
    const place = `${resolved.place} header ${name}`;
    if (now[name] === undefined) to.report(place, "is gone");
    else compareHeader(to, { place, before: header, after: now[name] });
  }
}

function compareHeader(to: Comparison, pair: Pair): void {
  const resolved = to.resolve(pair, "answered");
  if (resolved === undefined) return;
  const { place, before, after } = resolved;
  // The other way round than for what is sent.
  const isRequired = (value: unknown): boolean => memberOf(value, "required") === true;
  if (isRequired(before) && !isRequired(after)) to.report(place, "may be left out now");
  const schema = (header: unknown) => memberOf(header, "schema");
  compareSchemas(to, { place, before: schema(before), after: schema(after) }, "answered");
}

function compareMedia(to: Comparison, { place, before, after }: Pair, use: Use): void {
  const content = (value: unknown) => membersOf(memberOf(value, "content"));
  const now = content(after);
  for (const [type, media] of Object.entries(content(before))) {
    const other = now[type];
    if (other === undefined) to.report(`${place} as ${type}`, "is gone");
    else {
      const schema = (each: unknown) => memberOf(each, "schema");
      compareSchemas(to, { place, before: schema(media), after: schema(other) }, use);
    }
  }
}
