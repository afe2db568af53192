/**
 * Shows the domains of text (sql/foundation/line.sql, prose.sql) as String: they say what may be
 * written, and a client that reads or writes a text need not know another type.
 */
import "postgraphile";
import { TYPES } from "postgraphile/@dataplan/pg";

const TEXTS: readonly (string | undefined)[] = ["line", "prose"];

/** Gives the domains of text the type String. */
export const TextsPlugin: GraphileConfig.Plugin = {
  name: "StaybaseTextsPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      init: {
        before: ["PgCodecs"],
        callback(_, build) {
          for (const codec of Object.values(build.pgCodecs ?? build.input.pgRegistry.pgCodecs)) {
            if (codec.domainOfCodec === TYPES.text && TEXTS.includes(codec.extensions?.pg?.name)) {
              build.setGraphQLTypeForPgCodec(codec, ["input", "output"], "String");
            }
          }
          return _;
        },
      },
    },
  },
};
