/** The page of the client's examples, in a real Chromium, against a server that trusts its documents alone. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Browser, chromium, type Page } from "playwright-core";
import { testDatabase } from "../helpers/database.ts";
import { publishedListing, somebody } from "../helpers/factories.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";

/** Debian's Chromium; `.ci/run` installs it. */
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) =>
  existsSync(path),
);
const describeInBrowser = CHROMIUM === undefined ? describe.skip : describe;
if (CHROMIUM === undefined) {
  process.stderr.write("tests/clients/web is skipped: install Chromium.\n");
}

const CLIENT = fileURLToPath(new URL("../../clients/typescript", import.meta.url));

describeInBrowser("the page of the examples", () => {
  const database = testDatabase();
  let folder: string;
  let marketplace: Marketplace;
  let server: ChildProcess;
  let browser: Browser;
  let guest: Person;
  let origin: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "staybase-web-"));
    const build = ["src/trust.ts", folder, "examples/documents.ts"];
    await promisify(execFile)(process.execPath, build, { cwd: CLIENT });
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const settings = { CORS_ORIGINS: origin, TRUSTED_DOCUMENTS: folder };
    marketplace = await openMarketplace(database, 1, settings);
    marketplace.startWorker();
    const [url = ""] = marketplace.servers;
    server = spawn(process.execPath, ["examples/web/serve.ts"], {
      cwd: CLIENT,
      env: {
        PATH: process.env.PATH,
        PORT: String(port),
        STAYBASE_URL: url,
        STRIPE_URL: marketplace.stripe.url,
        STAYBASE_TRUSTED: "1",
      },
      stdio: "ignore",
    });
    guest = await signUp(marketplace, url, "Gus");
    const host = await somebody(database);
    for (let each = 0; each < 2; each += 1) await publishedListing(database, host);
    browser = await chromium.launch({
      executablePath: CHROMIUM ?? "",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    await waitUntil("the page is served", () =>
      fetch(origin).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    server?.kill();
    await marketplace?.dispose();
    await rm(folder, { recursive: true, force: true });
  }, 30_000);

  /** A page that remembers what the browser complained about: refused requests, failed scripts. */
  async function open(width: number): Promise<Page> {
    complaints.length = 0;
    const page = await browser.newPage({ viewport: { width, height: 844 } });
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && hostname !== "127.0.0.1") complaints.push(request.url());
    });
    await page.goto(origin);
    return page;
  }

  test.each([1280, 390])(
    "finds, quotes, books and pays where it is %i wide",
    async (width) => {
      const page = await open(width);
      const widest = () => page.evaluate("document.documentElement.scrollWidth");
      await page.getByRole("button", { name: "Choose" }).first().click();
      await page.getByLabel("Email").fill(guest.email);
      await page.getByLabel("Password").fill(PASSWORD);
      expect(await widest()).toBe(width);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("total").waitFor();
      await page.getByRole("button", { name: "Book" }).click();
      const pay = page.getByRole("link", { name: "Pay €" });
      await pay.waitFor();
      expect(await widest()).toBe(width);
      await pay.click();
      await page.getByRole("button").first().click();
      // Stripe leads back, and the session has lasted.
      await page.getByText("Your stays").waitFor();
      expect(page.url()).toBe(`${origin}/`);
      const paid = marketplace.stripe.charges().filter((charge) => charge.paid);
      expect(paid).toHaveLength(width === 1280 ? 1 : 2);
      expect(complaints).toEqual([]);
      await page.close();
    },
    60_000,
  );

  test("says what is wrong", async () => {
    const page = await open(390);
    await page.getByText("in these days").waitFor();
    await page.getByLabel("Leave").fill("2020-01-01");
    await page.getByRole("button", { name: "Find" }).click();
    await page
      .locator("#status.wrong")
      .getByText(/\w+ \w+/)
      .waitFor();
    await page.close();
  });

  test("is all that is served", async () => {
    for (const path of ["/package.json", "/examples/web/serve.js", "/src/..%2fpackage.json"]) {
      expect((await fetch(origin + path)).status).toBe(404);
    }
    expect((await fetch(`${origin}/node_modules/pg/lib/index.mjs`)).status).toBe(404);
    expect((await fetch(`${origin}/src/index.ts`)).status).toBe(200);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("There is no free port.");
  return address.port;
}
