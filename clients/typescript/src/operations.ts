/** Sends GraphQL documents: which of them may be repeated, and what an answer says. */
import { type DocumentNode, print } from "@0no-co/graphql.web";
import { type ErrorCode, StaybaseError } from "./errors.ts";

/** A document that knows what it asks for and gives; the `gql` of `@staybase/client/graphql` makes one. */
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

export function createGraphql(url: string, send: Send): SendGraphql {
  return async (document, ...[variables = {}]) => {
    const request = new Request(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: ANSWER },
      body: JSON.stringify({ query: textOf(document), variables }),
    });
    return dataOf(await send(request, mayRepeat(document, variables)));
  };
}

/** Who accepts it is told by the status that a request was refused. */
const ANSWER = "application/graphql-response+json";

const texts = new WeakMap<DocumentNode, string>();

/** The text of a document, which is printed once. */
function textOf(document: DocumentNode): string {
  const text = texts.get(document) ?? print(document);
  texts.set(document, text);
  return text;
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

/** Whether a second request has no second effect: it only reads, or each of its fields has a key. */
export function mayRepeat(document: DocumentNode, variables: object): boolean {
  return document.definitions.every((definition) => {
    if (definition.kind !== "OperationDefinition" || definition.operation === "query") return true;
    return definition.selectionSet.selections.every(
      (field) =>
        field.kind === "Field" &&
        field.arguments?.some(({ value }) => {
          if (value.kind === "Variable") {
            return Object.hasOwn(Object(Reflect.get(variables, value.name.value)), KEY);
          }
          return (
            value.kind === "ObjectValue" && value.fields.some(({ name }) => name.value === KEY)
          );
        }),
    );
  });
}

const KEY = "idempotencyKey";
