/**
 * What `npm start` shows in a browser: the page at `/`, the story in GraphiQL and the reference of
 * REST, with the people of the demo one click away.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page, Request } from "playwright-core";
import { GUIDES_FOLDER } from "../../src/http/guides.ts";
import { describeInBrowser, launchBrowser, openPage } from "../helpers/browser.ts";
import { waitUntil } from "../helpers/marketplace.ts";
import { npmStart, type Started } from "../helpers/npmStart.ts";

const UUID = "0198c0de-0000-7000-8000-000000000000";

describeInBrowser("npm start in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "staybase-browser-"));
  let started: Started | undefined;
  let browser: Browser;
  let server: string;

  beforeAll(async () => {
    started = await npmStart(folder);
    server = started.url;
    browser = await launchBrowser();
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await started?.interrupt();
    rmSync(folder, { recursive: true, force: true });
  });

  const who = (page: Page, text: string): Promise<void> =>
    page.getByRole("status").filter({ hasText: text }).waitFor();

  test("the home page leads to pages that are there", async () => {
    const { page, complaints } = await openPage(browser, `${server}/`);
    const links = await page
      .locator("a")
      .evaluateAll((anchors) => anchors.map((anchor) => (anchor as { href?: string }).href ?? ""));
    const addresses = [...new Set(links.map((link) => link.replace(/#.*/, "")))];
    expect(addresses.length).toBeGreaterThan(8);
    for (const address of addresses) {
      const { status } = await fetch(address, { headers: { accept: "text/html" } });
      expect([address, status]).toEqual([address, 200]);
    }
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("pages of ours have one look, and none is wider than a phone", async () => {
    const guides = (await readdir(GUIDES_FOLDER)).map((file) => file.replace(/\.md$/, ""));
    for (const path of [
      "/",
      "/docs",
      "/docs/guides",
      ...guides.map((name) => `/docs/guides/${name}`),
      "/docs/diagrams",
      "/docs/errors",
      "/docs/deprecations",
      "/confirm-registration?token=x",
      "/reset-password?token=x",
      "/confirm-email?token=x",
      "/export?token=x",
      "/bookings/1",
      "/dev/mail",
    ]) {
      const { page } = await openPage(browser, `${server}${path}`, 390);
      if (path === "/docs") await page.getByText("Pay a booking").waitFor();
      const width = await page.evaluate("document.documentElement.scrollWidth");
      const looks = await page.locator('link[href="/docs/assets/pages.css"]').count();
      expect([path, width, looks]).toEqual([path, 390, 1]);
      await page.close();
    }
  });

  test("the tabs of GraphiQL tell the story in order, as whoever was clicked", async () => {
    const { page, complaints } = await openPage(browser, `${server}/graphiql#as=guest`);
    expect(await page.title()).toBe("Staybase GraphiQL");
    await who(page, "guest@staybase.example");
    const tabs = page.getByRole("tab");
    await tabs.first().waitFor();
    const names = await tabs.allInnerTexts();
    const story: Readonly<Record<string, RegExp>> = {
      Search: /"listingId"/,
      Listing: /"takenNights"/,
      Price: /"bookability": \[\]/,
      Quote: /"quoteId"/,
      Book: /"PENDING_PAYMENT"/,
      Paid: /"status": "CONFIRMED"/,
      Host: /"bookingsAsHost"/,
      Ledger: /"HOST_PAYABLE"/,
      Past: /"pastBookingId"/,
      Review: /"GUEST_TO_HOST"/,
    };
    expect(names.map((name) => name.trim())).toEqual(Object.keys(story));
    for (const [name, expected] of Object.entries(story)) {
      const role = /Host|Ledger/.test(name) ? "host" : "guest";
      await page.getByRole("button", { name: role, exact: true }).click();
      await who(page, `${role}@staybase.example`);
      await page.getByRole("tablist").getByTitle(name, { exact: true }).click();
      if (name === "Paid") await payInPage(page);
      expect([name, await run(page)]).toEqual([name, expect.stringMatching(expected)]);
    }
    await page.getByRole("button", { name: "Sign out" }).click();
    await who(page, "Not signed in");
    expect(await run(page)).toContain("UNAUTHENTICATED");
    // The refusals at the end are what the browser complains about, if about anything.
    expect(complaints.filter((text) => !/401|403/.test(text))).toEqual([]);
    await page.close();
  });

  test("the page of a booking shows nothing to nobody, nor to somebody else", async () => {
    const { page, complaints } = await openPage(browser, `${server}/bookings/${UUID}`);
    await page.getByText("Sign in as its guest or its host").waitFor();
    expect(complaints).toEqual([]);
    await page.getByRole("button", { name: "guest" }).click();
    await page.getByText("There is nothing here.").waitFor();
    expect(await page.locator("dl").count()).toBe(0);
    await page.close();
  });

  test("the reference asks as whoever signed in, and links the codes", async () => {
    const { page, complaints } = await openPage(browser, `${server}/docs`);
    await page.getByText("Somebody else").click();
    await page.getByLabel("E-mail").fill("host@staybase.example");
    const password = page.getByRole("textbox", { name: "Password" });
    await password.fill("wrong");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("alert").filter({ hasText: /wrong/ }).waitFor();
    await password.fill("staybase-demo");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await who(page, "host@staybase.example");
    const operation = page.locator("#operations-Users-getMe, #operations-Identity-getMe");
    await operation.locator(".opblock-summary-control").click();
    const answered = page.waitForResponse((response) => response.url().endsWith("/v1/me"));
    await operation.getByRole("button", { name: "Execute" }).click();
    expect(await (await answered).json()).toMatchObject({ email: "host@staybase.example" });
    expect(await page.locator('a[href="/docs/errors"]').count()).toBeGreaterThan(1);
    expect(complaints.filter((text) => !text.includes("401"))).toEqual([]);
    await page.close();
  });
});

/** Follows the link of the bar to the page of the booking, and pays in the simulator. */
async function payInPage(page: Page): Promise<void> {
  const opened = page.context().waitForEvent("page");
  await page.getByRole("link", { name: "Pay this booking" }).click();
  const booking = await opened;
  await booking.getByText("pending payment").waitFor();
  await booking.getByRole("button", { name: "Pay in the simulator" }).click();
  await booking.waitForURL(/\/pay\//);
  await booking.getByRole("button").first().click();
  await booking.waitForURL(/\/bookings\//);
  await waitUntil("the page says that it is paid", async () => {
    await booking.reload();
    return booking
      .getByText("confirmed")
      .waitFor({ timeout: 2000 })
      .then(
        () => true,
        () => false,
      );
  });
  await booking.close();
}

/**
 * Runs the tab that is open, and gives what it is answered. GraphiQL sends nothing as long as the
 * editor of the tab is not there, so the button is pressed until a request has gone.
 */
async function run(page: Page): Promise<string> {
  let sent: Request | undefined;
  await waitUntil("GraphiQL has sent the operation of the tab", async () => {
    const sending = page
      .waitForRequest(
        (request) =>
          request.url().endsWith("/graphql") && !request.postData()?.includes("IntrospectionQuery"),
        { timeout: 4000 },
      )
      .catch(() => undefined);
    await page.getByRole("button", { name: /execute/i }).click();
    sent = await sending;
    return sent !== undefined;
  });
  const answer = await sent?.response();
  return JSON.stringify(await answer?.json(), undefined, 1);
}
