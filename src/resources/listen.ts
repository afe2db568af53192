/**
 * Listens on several addresses, since `localhost` is an IPv4 and an IPv6 address and programs try
 * either, and closes them in good order. It knows nothing of what the servers answer.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { codeOf, messageOf, ResourceError } from "./resourceError.ts";

export interface Listening {
  /** The port that all addresses share. */
  readonly port: number;
  /**
   * Takes no more connections and waits for the requests that run, on every address. What is not
   * answered after `ms` milliseconds is cut off.
   */
  close(ms: number): Promise<void>;
}

/**
 * Binds the first of `hosts` (which must work) and then the others (which may be missing, as ::1 is
 * where IPv6 is off). Port 0 takes any free one. Each address has a server of its own from `open`,
 * for a server waits and counts only for connections that it has accepted itself.
 * @throws {ResourceError} `PORT_TAKEN`, `PORT_FORBIDDEN` or `ADDRESS_UNUSABLE` with what to do
 */
export async function listen(
  open: () => Server,
  where: { readonly hosts: readonly string[]; readonly port: number },
): Promise<Listening> {
  const closers: ((ms: number) => Promise<void>)[] = [];
  const close = async (ms: number): Promise<void> => {
    await Promise.all(closers.map((closeOne) => closeOne(ms)));
  };
  let { port } = where;
  for (const host of where.hosts) {
    const server = open();
    const closeOne = closer(server);
    try {
      port = await bind(server, host, port);
    } catch (error) {
      if (closers.length > 0 && codeOf(error) === "ADDRESS_UNUSABLE") continue;
      await close(0);
      throw error;
    }
    closers.push(closeOne);
  }
  return { port, close };
}

/** Watches the connections of a server, and returns how to close it. */
function closer(server: Server): (ms: number) => Promise<void> {
  // Connections that have not asked for anything yet: browsers open some in advance.
  const silent = new Set<Socket>();
  let closing = false;
  server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    silent.delete(request.socket);
    // Node closes the connections that are idle at the time, not those that are after an answer.
    response.once("close", () => {
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
  });
  return async (ms) => {
    closing = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of silent) socket.destroy();
    const late = setTimeout(() => server.closeAllConnections(), ms);
    await closed;
    clearTimeout(late);
  };
}

/** Resolves to the port. */
function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(explain(error, host, port));
    server.once("error", fail);
    server.listen({ host, port }, () => {
      server.off("error", fail);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function explain(error: Error, host: string, port: number): ResourceError {
  const wrap = (code: string, message: string): ResourceError =>
    new ResourceError(code, message, { cause: error });
  switch (codeOf(error)) {
    case "EADDRINUSE": {
      const message =
        `Port ${port} of ${host} is taken by another process. Stop that one, or choose another ` +
        `port, for example: PORT=${port < 65_535 ? port + 1 : 4000} npm start`;
      return wrap("PORT_TAKEN", message);
    }
    case "EACCES": {
      const message = `Port ${port} may not be used by this user. Choose one above 1023 as PORT.`;
      return wrap("PORT_FORBIDDEN", message);
    }
    default: {
      const message = `${host} cannot be listened on: ${messageOf(error)}. Check HOST.`;
      return wrap("ADDRESS_UNUSABLE", message);
    }
  }
}
