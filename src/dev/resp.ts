/**
 * The wire format of Redis (RESP2): takes requests out of the bytes of a connection and writes
 * replies. It knows no command. Bytes are kept as latin1 text, one character a byte, so that any
 * content survives.
 */

/** What a command answers. */
export type Reply =
  | { readonly kind: "simple"; readonly text: string }
  | { readonly kind: "error"; readonly text: string }
  | number
  | string
  | null
  | readonly Reply[];

export const OK: Reply = { kind: "simple", text: "OK" };

export function failure(text: string): Reply {
  return { kind: "error", text };
}

/** A reply as bytes in latin1. */
export function encode(reply: Reply): string {
  if (reply === null) return "$-1\r\n";
  if (typeof reply === "number") return `:${reply}\r\n`;
  if (typeof reply === "string") return `$${reply.length}\r\n${reply}\r\n`;
  if ("kind" in reply) return `${reply.kind === "error" ? "-" : "+"}${reply.text}\r\n`;
  return `*${reply.length}\r\n${reply.map(encode).join("")}`;
}

/** Thrown at bytes that are no request, or one that is too large; the connection must be closed. */
export class ProtocolError extends Error {}

const MOST_ARGUMENTS = 10_000;
const MOST_BYTES = 4_000_000;

/** Collects bytes and gives the requests that are whole. */
export class RequestReader {
  #rest = "";

  /** @throws {ProtocolError} */
  read(bytes: Buffer): string[][] {
    this.#rest += bytes.toString("latin1");
    const requests: string[][] = [];
    let at = 0;
    for (;;) {
      const request = parse(this.#rest, at);
      if (request === undefined) break;
      at = request.next;
      if (request.args.length > 0) requests.push(request.args);
    }
    this.#rest = this.#rest.slice(at);
    if (this.#rest.length > MOST_BYTES) throw new ProtocolError("too big request");
    return requests;
  }
}

interface Parsed {
  readonly args: string[];
  readonly next: number;
}

/** The request that starts at `from`, or `undefined` where bytes are still missing. */
function parse(text: string, from: number): Parsed | undefined {
  const head = line(text, from);
  if (head === undefined) return undefined;
  if (!head.text.startsWith("*")) {
    // A person with telnet types a plain line.
    return { args: head.text.split(" ").filter((word) => word !== ""), next: head.next };
  }
  const count = length(head.text, MOST_ARGUMENTS);
  const args: string[] = [];
  let at = head.next;
  for (let index = 0; index < count; index += 1) {
    const size = line(text, at);
    if (size === undefined) return undefined;
    if (!size.text.startsWith("$")) throw new ProtocolError("expected '$'");
    const end = size.next + length(size.text, MOST_BYTES);
    if (text.length < end + 2) return undefined;
    args.push(text.slice(size.next, end));
    at = end + 2;
  }
  return { args, next: at };
}

function line(text: string, from: number): { text: string; next: number } | undefined {
  const end = text.indexOf("\r\n", from);
  return end < 0 ? undefined : { text: text.slice(from, end), next: end + 2 };
}

function length(text: string, most: number): number {
  const value = Number(text.slice(1));
  if (!/^.\d+$/.test(text) || value > most) throw new ProtocolError("invalid length");
  return value;
}
