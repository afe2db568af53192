/**
 * Shows how far a long step is: a bar on a terminal, a line every few seconds elsewhere, so that
 * the log of a nightly job stays short. It writes to stderr alone.
 */
import cliProgress from "cli-progress";

const LINE_EVERY_MS = 5000;

/** A step that is under way. */
export interface Progress {
  update(value: number): void;
  stop(): void;
}

/** Shows a step of `total` units; `label` says what it does, such as "Writing listings". */
export function startProgress(label: string, total: number): Progress {
  return process.stderr.isTTY ? bar(label, total) : lines(label, total);
}

function bar(label: string, total: number): Progress {
  const single = new cliProgress.SingleBar({
    format: `${label.padEnd(18)} [{bar}] {percentage} %  {duration_formatted}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: false,
  });
  single.start(total, 0);
  return { update: (value) => single.update(value), stop: () => single.stop() };
}

function lines(label: string, total: number): Progress {
  let value = 0;
  const timer = setInterval(() => {
    const percent = total === 0 ? 100 : Math.floor((value / total) * 100);
    process.stderr.write(`${label}: ${percent} %\n`);
  }, LINE_EVERY_MS);
  timer.unref();
  return {
    update: (reached) => {
      value = reached;
    },
    stop: () => clearInterval(timer),
  };
}
