/**
 * Imports go downwards only: from the process to the doors, from the doors to what they share. So
 * each layer can be read, and tested, without those above it.
 */
import { expect, test } from "@jest/globals";
import { importsOf, type SourceFile, sourceFiles } from "./repository.ts";

/** The lowest layer first; within L3 each folder is a part of its own, in the others all is one. */
const LAYERS: readonly { readonly part: string; readonly layer: number; readonly is: RegExp }[] = [
  {
    part: "configuration",
    layer: 0,
    is: /^src\/(config\/.*|errors|databaseErrors|faultyInputs|kept|values)\.ts$/,
  },
  { part: "resources", layer: 1, is: /^src\/resources\// },
  { part: "payments", layer: 2, is: /^src\/payments\// },
  { part: "GraphQL", layer: 3, is: /^src\/graphql\// },
  { part: "REST", layer: 3, is: /^src\/rest\// },
  { part: "jobs", layer: 3, is: /^src\/jobs\// },
  { part: "HTTP", layer: 4, is: /^src\/(http\/|app\.ts$)/ },
  { part: "process", layer: 5, is: /^src\/(server|worker|main|process)\.ts$/ },
  { part: "process", layer: 5, is: /^src\/(commands|dev)\// },
];

/** What is wrong with the imports of these files, one sentence each. */
function brokenLayers(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const from = LAYERS.find(({ is }) => is.test(file.path));
    if (from === undefined) {
      return [`${file.path} is in no layer: move it into one, or add its layer to this test.`];
    }
    return importsOf(file).flatMap(({ target, isOurs }) => {
      if (!isOurs || !/\.(ts|js|mjs)$/.test(target)) return [];
      const to = LAYERS.find(({ is }) => is.test(target));
      if (to !== undefined && (to.part === from.part || to.layer < from.layer)) return [];
      const where = to === undefined ? "outside src/" : `of ${to.part} (L${to.layer})`;
      return [
        `${file.path} of ${from.part} (L${from.layer}) imports ${target} ${where}: move what it ` +
          "needs to a lower layer, such as src/resources, or hand it over as an argument.",
      ];
    });
  });
}

test("imports go downwards only, types too, and never sideways between GraphQL, REST and jobs", () => {
  expect(brokenLayers(sourceFiles())).toEqual([]);

  const wrong: readonly (readonly [path: string, text: string])[] = [
    ["src/config/index.ts", 'import { createPool } from "../resources/postgres.ts";'],
    ["src/resources/redis.ts", 'import type { Job } from "../jobs/task.ts";'],
    ["src/rest/getMe.ts", 'import {\n  me,\n} from "../graphql/me.ts";'],
    ["src/jobs/sendMail.ts", 'export { register } from "../rest/register.ts";'],
    ["src/graphql/index.ts", 'const jobs = await import("../jobs/index.ts");'],
    ["src/rest/getMe.ts", 'import "../http/problems.ts";'],
    ["src/http/rest.ts", 'import { startServer } from "../server.ts";'],
    ["src/app.ts", 'import { welcome } from "./dev/welcome.ts";'],
    ["src/resources/x.ts", 'import { cluster } from "../../tests/helpers/cluster.ts";'],
    ["src/utils/x.ts", ""],
  ];
  for (const [path, text] of wrong) expect(brokenLayers([{ path, text }])).toHaveLength(1);

  const right = 'import { ApiError } from "../errors.ts";\nimport "./handler.ts";\nimport "pg";';
  expect(brokenLayers([{ path: "src/rest/getMe.ts", text: right }])).toEqual([]);
});
