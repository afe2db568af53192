/**
 * Lets one HTTP server listen on several addresses, since `localhost` is an IPv4 and an IPv6
 * address and programs try either. It knows nothing of what the server answers.
 */
import type { Server as HttpServer } from "node:http";
import { createServer, type Server as NetServer } from "node:net";
import { codeOf, messageOf, ResourceError } from "./resourceError.ts";

export interface Listening {
  /** The port that all addresses share. */
  readonly port: number;
  /** Stops taking connections; those that are open go on. Close the HTTP server as usual. */
  stop(): void;
}

/**
 * Binds the first of `hosts` (which must work) and then the others (which may be missing, as ::1 is
 * where IPv6 is off). Port 0 takes any free one.
 * @throws {ResourceError} `PORT_TAKEN`, `PORT_FORBIDDEN` or `ADDRESS_UNUSABLE` with what to do
 */
export async function listen(
  server: HttpServer,
  where: { readonly hosts: readonly string[]; readonly port: number },
): Promise<Listening> {
  const [first = "127.0.0.1", ...others] = where.hosts;
  await bind(server, first, where.port);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : where.port;
  const doors: NetServer[] = [];
  for (const host of others) {
    const door = createServer((socket) => void server.emit("connection", socket));
    try {
      await bind(door, host, port);
      doors.push(door);
    } catch (error) {
      if (codeOf(error) === "ADDRESS_UNUSABLE") continue;
      for (const open of [server, ...doors]) open.close();
      throw error;
    }
  }
  return {
    port,
    stop: () => {
      for (const door of doors) door.close();
    },
  };
}

function bind(server: NetServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(explain(error, host, port));
    server.once("error", fail);
    server.listen({ host, port }, () => {
      server.off("error", fail);
      resolve();
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
