/** Sends GraphQL documents: which of them may be repeated, and what an answer says. */
import { type DocumentNode, print, type ValueNode } from "@0no-co/graphql.web";
import { type ErrorCode, StaybaseError } from "./errors.ts";

/** A document that knows what it takes and gives; `gql` of `@staybase/client/graphql` makes one. */
export interface TypedDocument<Result, Variables> extends DocumentNode {
  readonly __apiType?: (variables: Variables) => Result;
}

export type SendGraphql = <Result, Variables extends object>(
  document: TypedDocument<Result, Variables>,
  ...[variables]: object extends Variables ? [variables?: Variables] : [variables: Variables]
) => Promise<Result>;

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly [GraphqlError, ...GraphqlError[]];
}

interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: {
    readonly code?: ErrorCode;
    readonly status?: number;
    readonly fields?: string[];
    readonly details?: unknown;
  };
}

type Send = (request: Request, mayRepeat: boolean) => Promise<Response>;

export interface GraphqlOptions {
  readonly url: string;
  readonly trustedDocuments?: boolean;
}

export function createGraphql(options: GraphqlOptions, send: Send): SendGraphql {
  return async (document, ...[variables = {}]) => {
    const request = await requestOf(options, document, variables);
    return dataOf(await send(request, mayRepeat(document, variables)));
  };
}

/** Who accepts it is told by the status that a request was refused. */
const ACCEPT = { accept: "application/graphql-response+json" };

/** A longer address may be refused on the way. */
const LONGEST_ADDRESS = 4000;

async function requestOf(
  { url, trustedDocuments = false }: GraphqlOptions,
  document: DocumentNode,
  variables: object,
): Promise<Request> {
  const text = textOf(document);
  const named = trustedDocuments ? { documentId: `sha256:${await hashOf(text)}` } : undefined;
  if (named !== undefined && isQuery(document)) {
    const asked = new URLSearchParams({ ...named, variables: JSON.stringify(variables) });
    const address = `${url}/graphql?${asked}`;
    if (address.length <= LONGEST_ADDRESS) return new Request(address, { headers: ACCEPT });
  }
  return new Request(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...ACCEPT },
    body: JSON.stringify({ ...(named ?? { query: text }), variables }),
  });
}

const texts = new WeakMap<DocumentNode, string>();

/** The text of a document, which is printed once. */
export function textOf(document: DocumentNode): string {
  const text = texts.get(document) ?? print(document);
  texts.set(document, text);
  return text;
}

const hashes = new Map<string, string>();

/** The name of a document that a server trusts: the SHA-256 of its text, in hexadecimal. */
export async function hashOf(text: string): Promise<string> {
  const known = hashes.get(text);
  if (known !== undefined) return known;
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hash = [...new Uint8Array(bytes)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  hashes.set(text, hash);
  return hash;
}

/** The data of an answer, all of it: a field that failed is an error of the whole. */
async function dataOf<Result>(response: Response): Promise<Result> {
  const answer = (await response.json().catch(() => ({}))) as Answer;
  const [error] = answer.errors ?? [];
  if (error === undefined && response.ok) return answer.data as Result;
  const { message, path, extensions = {} } = error ?? {};
  const problem = { ...extensions, ...(message !== undefined && { detail: message }) };
  throw new StaybaseError(extensions.status ?? response.status, problem, path);
}

const isQuery = ({ definitions }: DocumentNode): boolean =>
  definitions.every((each) => each.kind !== "OperationDefinition" || each.operation === "query");

/** Whether a second request has no second effect: it only reads, or each field has a key. */
function mayRepeat(document: DocumentNode, variables: object): boolean {
  if (isQuery(document)) return true;
  const fields = document.definitions.flatMap((each) =>
    each.kind === "OperationDefinition" ? each.selectionSet.selections : [],
  );
  return fields.every(
    (field) =>
      field.kind === "Field" && field.arguments?.some(({ value }) => hasKey(value, variables)),
  );
}

function hasKey(value: ValueNode, variables: object): boolean {
  if (value.kind === "Variable") {
    return Object.hasOwn(Object(Reflect.get(variables, value.name.value)), KEY);
  }
  return value.kind === "ObjectValue" && value.fields.some(({ name }) => name.value === KEY);
}

const KEY = "idempotencyKey";
