/** Preloaded into a process: prints each module that is loaded, for tests that read its output. */
import { registerHooks } from "node:module";

registerHooks({
  load: (url, context, next) => {
    console.log(`loaded ${url}`);
    return next(url, context);
  },
});
