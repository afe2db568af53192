/**
 * What a library reads from the environment by itself while it is loaded. Entry points import this
 * file first; it is the one file of this folder that does something when it is imported.
 */

// Grafast prints a page of advice where this is unset. Its development mode checks every plan
// again, which belongs into work on plugins: set it there by hand.
process.env.GRAPHILE_ENV ??= "production";
