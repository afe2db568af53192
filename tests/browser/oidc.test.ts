/** Signing in with a provider on pages of ours, in a browser with its own mind about cookies. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { describeInBrowser, launchBrowser, openPage } from "../helpers/browser.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { CLIENT, type Listening, startOidcProvider } from "../helpers/oidcProvider.ts";

describeInBrowser("in a browser", () => {
  const database = testDatabase();
  const accounts = new Map([["ola", { email: "ola@example.com", email_verified: true }]]);
  let marketplace: Marketplace;
  let provider: Listening;
  let browser: Browser;
  let home: string;

  beforeAll(async () => {
    provider = await startOidcProvider(accounts, () => `${home}/v1/auth/oidc/real/callback`);
    const { issuer } = provider;
    marketplace = await openMarketplace(database, 1, {
      OIDC_PROVIDERS: JSON.stringify([{ name: "real", title: "Somebody", issuer, ...CLIENT }]),
    });
    // By the name that is in PUBLIC_URL, for cookies and sessions are of an origin.
    home = (marketplace.servers[0] ?? "").replace("127.0.0.1", "localhost");
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await marketplace?.dispose();
    await provider?.close();
  });

  test("somebody continues with a provider, and is back where they were", async () => {
    const { page, complaints } = await openPage(browser, `${home}/bookings/1`);
    // The provider's page would like to have a font from elsewhere.
    await page.route("https://**", (route) => route.abort());
    await page.locator("summary").click();
    await page.getByRole("button", { name: "Continue with Somebody" }).click();
    await page.locator("input[name=login]").fill("ola");
    await page.locator("input[name=password]").fill("any");
    await page.locator("button[type=submit]").click();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("You are ola@example.com").waitFor();
    expect(new URL(page.url()).pathname).toBe("/bookings/1");
    expect(complaints.filter((said) => /Policy|Error:/.test(said))).toEqual([]);
    await page.close();
  });

  test("nobody is signed in by the code of another, or by one that is nothing", async () => {
    for (const query of ["code=another", ""]) {
      const { page } = await openPage(browser, `${home}/sign-in?${query}`);
      await page.getByText("This sign-in did not begin here.").waitFor();
      expect(new URL(page.url()).search).toBe("");
      await page.close();
    }
  });

  test("somebody who gives up is told so", async () => {
    const { page } = await openPage(browser, `${home}/bookings/1`);
    await page.locator("summary").click();
    await page.getByRole("button", { name: "Continue with Somebody" }).click();
    await page.getByText("[ Cancel ]").click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("was not allowed");
    await page.close();
  });
});
