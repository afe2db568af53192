/**
 * Lets requests begin in turn, few at a time. Node accepts one connection each time it looks for
 * news: where it looked only after all that had come had begun, those who are connected would keep
 * a busy server from everybody else, such as a probe that asks whether it lives.
 */
import type { Express } from "express";

/** For how long requests may begin before new connections and answers are looked for. */
const TURN_MS = 1;

/** Installs the turns; what is installed before waits for nobody. */
export function installTurns(app: Express): void {
  const waiting: (() => void)[] = [];
  const takeTurn = (): void => {
    const end = performance.now() + TURN_MS;
    try {
      do waiting.shift()?.();
      while (waiting.length > 0 && performance.now() < end);
    } finally {
      if (waiting.length > 0) setImmediate(takeTurn);
    }
  };
  app.use((_request, _response, next) => {
    if (waiting.push(next) === 1) setImmediate(takeTurn);
  });
}
