/**
 * Hears on every server what has changed of what it keeps, right after the commit. The triggers
 * `_750_tell_change` say it. Who listens is also told when something may have been missed.
 */
import { Client } from "pg";
import { bounded } from "./bounded.ts";
import type { Resources } from "./index.ts";

/** The channel of app_hidden.tg__tell_change(). */
const CHANNEL = "staybase_changes";
/** Milliseconds between two questions whether the connection is alive, and for the answer. */
const PROBE_MS = 2000;
const PROBE_ANSWER_MS = 1000;
/** Milliseconds until the next attempt to connect. */
const RETRY_MS = 500;
const CLOSE_MS = 1000;

export interface ChangeListener {
  /** What has changed, as `listing:<id>`, `user:<id>` or `session:<id>`. */
  changed(tag: string): void;
  /** Nothing is heard from now on. */
  deaf(): void;
  /** Everything is heard from now on; what happened before is not known. */
  hears(): void;
}

export interface Changes {
  close(): Promise<void>;
}

/** Listens for as long as it is not closed; a connection that breaks is replaced. */
export function listenForChanges(
  { config, logger }: Pick<Resources, "config" | "logger">,
  listeners: readonly ChangeListener[],
): Changes {
  let current: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const lose = (client: Client, error?: unknown): void => {
    if (client !== current) return;
    current = undefined;
    clearInterval(timer);
    for (const listener of listeners) listener.deaf();
    client.end().catch(() => undefined);
    if (closed) return;
    logger.warn({ err: error }, "changes are not heard until the database answers");
    timer = setTimeout(connect, RETRY_MS);
  };

  const probe = (client: Client): void => {
    const asked = bounded(PROBE_ANSWER_MS, "The listening connection", client.query("select 1"));
    asked.catch((error: unknown) => lose(client, error));
  };

  const connect = (): void => {
    const client = new Client({
      connectionString: config.database.url,
      application_name: "staybase-changes",
      connectionTimeoutMillis: 5000,
      keepAlive: true,
    });
    current = client;
    client.on("error", (error) => lose(client, error));
    client.on("end", () => lose(client));
    client.on("notification", ({ payload = "" }) => {
      for (const listener of listeners) listener.changed(payload);
    });
    client
      .connect()
      .then(() => client.query(`listen ${CHANNEL}`))
      .then(() => {
        if (client !== current) return;
        for (const listener of listeners) listener.hears();
        timer = setInterval(probe, PROBE_MS, client);
        timer.unref();
      })
      .catch((error: unknown) => lose(client, error));
  };
  connect();

  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      const client = current;
      current = undefined;
      if (client === undefined) return;
      await bounded(CLOSE_MS, "The listening connection", client.end()).catch(() => undefined);
    },
  };
}
