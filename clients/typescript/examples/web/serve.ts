/**
 * Serves the page of this folder: `npm run example:web` beside
 * `CORS_ORIGINS=http://localhost:4100 npm start`. TypeScript goes out with its types stripped, and
 * packages as they are, by the import map of the page, so that nothing has to be built.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";

const PORT = Number(process.env.PORT ?? 4100);
const CLIENT = new URL("../../", import.meta.url);
const PACKAGES = new URL("../../node_modules/", CLIENT);
const SETTINGS = {
  url: process.env.STAYBASE_URL ?? "http://localhost:4000",
  /** The simulator, whose page pays; with Stripe itself the page would do it by Stripe.js. */
  stripe: process.env.STRIPE_URL,
  trustedDocuments: process.env.STAYBASE_TRUSTED === "1",
};
const OURS = /^\/((?:src|examples)\/[\w/-]+\.ts)$/;
const THEIRS =
  /^\/node_modules\/((?:openapi-fetch|@0no-co\/graphql\.web|gql\.tada)\/[\w./-]+\.mjs)$/;

async function read(path: string): Promise<[type: string, text: string] | undefined> {
  if (path === "/settings.json") return ["application/json", JSON.stringify(SETTINGS)];
  if (path === "/") {
    return ["text/html", await readFile(new URL("index.html", import.meta.url), "utf8")];
  }
  const [ours, theirs] = [OURS.exec(path)?.[1], THEIRS.exec(path)?.[1]];
  if (theirs) return ["text/javascript", await readFile(new URL(theirs, PACKAGES), "utf8")];
  if (!ours) return undefined;
  const text = await readFile(new URL(ours, CLIENT), "utf8");
  return ["text/javascript", stripTypeScriptTypes(text)];
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const found = await read(pathname).catch(() => undefined);
  const [type, text] = found ?? ["text/plain", "There is nothing here."];
  response.writeHead(found ? 200 : 404, { "content-type": `${type}; charset=utf-8` }).end(text);
});
server.listen(PORT, "127.0.0.1", () => {
  console.log(
    `The page of ${fileURLToPath(new URL(".", import.meta.url))}: http://localhost:${PORT}`,
  );
});
