/**
 * The GraphQL in the READMEs is copied by people, so the schema takes it, and a JSON block below it
 * has the variables that it declares.
 */
import { expect, test } from "@jest/globals";
import { buildSchema, Kind, parse, validate } from "postgraphile/graphql";
import { readText, repositoryPaths, type SourceFile } from "./repository.ts";

const schema = buildSchema(readText("src/graphql/schema.graphql"));

/** What is wrong with the blocks of one page, as sentences. */
function faultsOf({ path, text }: SourceFile): string[] {
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, language, code = ""], index) => {
    if (language !== "graphql") return [];
    const document = parse(code);
    const wanted = document.definitions.flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION
        ? (definition.variableDefinitions ?? []).map(({ variable }) => variable.name.value)
        : [],
    );
    const rest = blocks.slice(index + 1);
    const end = rest.findIndex(([, other]) => other === "graphql");
    const below = end === -1 ? rest : rest.slice(0, end);
    const json = below.find(([, other]) => other === "json")?.[2] ?? "{}";
    const given = wanted.length === 0 ? [] : Object.keys(JSON.parse(json));
    return [
      ...validate(schema, document).map(({ message }) => `${path}: ${message}`),
      ...wanted
        .filter((name) => !given.includes(name))
        .map((name) => `${path}: write $${name} into a json block below its query.`),
    ];
  });
}

const page = (...blocks: [string, string][]): SourceFile => ({
  path: "README.md",
  text: blocks.map(([language, code]) => `\`\`\`${language}\n${code}\n\`\`\`\n`).join("\n"),
});

test("queries in READMEs are valid and come with their variables", () => {
  // The guides are run by tests/guides, with variables that come from the steps before.
  const isHere = (path: string) => path.endsWith(".md") && !path.startsWith("docs/guides/");
  const paths = repositoryPaths().filter(isHere);
  expect(paths).toContain("README.md");
  expect(paths.flatMap((path) => faultsOf({ path, text: readText(path) }))).toEqual([]);
});

test("one that is not, or has none, is found", () => {
  const query = "query ($id: UUID!) { listing(id: $id) { id } }";
  expect(faultsOf(page(["graphql", query], ["json", '{"id": 1}']))).toEqual([]);
  expect(faultsOf(page(["graphql", query]))).toHaveLength(1);
  expect(
    faultsOf(page(["graphql", query], ["graphql", query], ["json", '{"id": 1}'])),
  ).toHaveLength(1);
  expect(faultsOf(page(["graphql", "{ nothing }"]))).toHaveLength(1);
});
