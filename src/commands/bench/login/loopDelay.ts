/**
 * Preloaded into a server that is measured: tells its parent, when asked, by how many milliseconds
 * its event loop was late since it was asked before.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

const delay = monitorEventLoopDelay({ resolution: 2 });
delay.enable();
process.on("message", () => {
  process.send?.({ p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6 });
  delay.reset();
});
process.channel?.unref();
