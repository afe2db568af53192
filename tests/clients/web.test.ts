/** The page of the client's examples, in a real Chromium, against a server that trusts its documents alone. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { freePort } from "../../src/dev/dataFolder.ts";
import { describeInBrowser, launchBrowser, openPage } from "../helpers/browser.ts";
import { testDatabase } from "../helpers/database.ts";
import { publishedListing, somebody } from "../helpers/factories.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";

const CLIENT = fileURLToPath(new URL("../../clients/typescript", import.meta.url));

describeInBrowser("the page of the examples", () => {
  const database = testDatabase();
  let folder: string;
  let marketplace: Marketplace;
  let server: ChildProcess;
  let browser: Browser;
  let guest: Person;
  let origin: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "staybase-web-"));
    const build = ["src/trust.ts", folder, "examples/documents.ts"];
    await promisify(execFile)(process.execPath, build, { cwd: CLIENT });
    const port = await freePort(undefined);
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
    browser = await launchBrowser();
    await waitUntil("the page is served", () =>
      fetch(origin).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  });

  afterAll(async () => {
    await browser?.close();
    server?.kill();
    await marketplace?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([1280, 390])("finds, quotes, books and pays where it is %i wide", async (width) => {
    const { page, complaints } = await openPage(browser, origin, width);
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
    // Its access token ends on the way; the browser has the refresh token, and the page has not.
    const kept = await page.evaluate(() => {
      const session = JSON.parse(sessionStorage.getItem("session") ?? "{}");
      const over = { ...session, accessTokenExpiresAt: new Date(0).toISOString() };
      sessionStorage.setItem("session", JSON.stringify(over));
      return session;
    });
    expect(kept).toMatchObject({ userId: guest.userId, refreshToken: "" });
    await pay.click();
    await page.getByRole("button").first().click();
    // Stripe leads back, and the session has lasted.
    await page.getByText("Your stays").waitFor();
    expect(page.url()).toBe(`${origin}/`);
    const paid = marketplace.stripe.charges().filter((charge) => charge.paid);
    expect(paid).toHaveLength(width === 1280 ? 1 : 2);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("says what is wrong", async () => {
    const { page } = await openPage(browser, origin, 390);
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
