import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { readOperations } from "../../src/http/openapi.ts";
import { describeInBrowser, launchBrowser, type Opened, openPage } from "../helpers/browser.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";
import { bookingStatus, createBooking, createQuote, offerListing, stayIn } from "../story/stay.ts";

describeInBrowser("in a browser", () => {
  const database = testDatabase();
  let marketplace: Marketplace;
  let browser: Browser;
  let server: string;
  let guest: Person;

  beforeAll(async () => {
    marketplace = await openMarketplace(database, 1);
    marketplace.startWorker();
    server = marketplace.servers[0] ?? "";
    browser = await launchBrowser();
    guest = await signUp(marketplace, server, "Gus");
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    await marketplace?.dispose();
  }, 30_000);

  const open = (url: string): Promise<Opened> => openPage(browser, url);

  test("the REST reference shows every operation, without a CDN", async () => {
    const { page, complaints } = await open(`${server}/docs`);
    await page.getByText("Pay a booking").waitFor();
    expect(await page.locator(".opblock").count()).toBe((await readOperations()).length);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("the mailed link opens a page whose form creates the account", async () => {
    const email = "browser@example.com";
    await fetch(`${server}/v1/auth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password: "correct horse battery", displayName: "Bo" }),
    });
    let link: URL | undefined;
    await waitUntil("the mail", async () => {
      const mail = (await marketplace.mails()).find(({ to }) => to.includes(email));
      link = mail?.links[0] === undefined ? undefined : new URL(mail.links[0]);
      return link !== undefined;
    });
    const { page } = await open(`${server}${link?.pathname}${link?.search}`);
    const made = (): Promise<number | null> =>
      database.owner
        .query("select from app_public.user_contacts where email = $1", [email])
        .then(({ rowCount }) => rowCount);
    // Opening the page does nothing: scanners of mail open links too.
    expect(await made()).toBe(0);
    const button = page.getByRole("button", { name: "Confirm my address" });
    await page.getByLabel("Password").fill("not the password");
    await button.click();
    await page.getByRole("alert").waitFor();
    expect(await made()).toBe(0);
    await page.getByLabel("Password").fill("correct horse battery");
    await button.click();
    await page.getByText("Your address is confirmed").waitFor();
    expect(await made()).toBe(1);
    await page.close();
  });

  test("two tabs of one session go on with what one of them has renewed", async () => {
    const { page: first } = await open(`${server}/bookings/1`);
    await first.locator("summary").click();
    await first.getByLabel("E-mail").fill(guest.email);
    await first.getByLabel("Password").fill(PASSWORD);
    await first.locator("form button").click();
    await first.getByText(`You are ${guest.email}`).waitFor();
    const session = (page: Page): Promise<Record<string, string>> =>
      page.evaluate(() => JSON.parse(sessionStorage.getItem("staybase-session") ?? "{}"));
    const old = await session(first);
    const popup = first.waitForEvent("popup");
    await first.evaluate("void open(location.href)");
    const second = await popup;
    await second.getByText(`You are ${guest.email}`).waitFor();
    // The first one's token is over: it renews it as it loads.
    await first.evaluate((kept) => {
      const over = { ...kept, accessTokenExpiresAt: new Date(0).toISOString() };
      sessionStorage.setItem("staybase-session", JSON.stringify(over));
    }, old);
    await first.reload();
    await waitUntil("both have the next token", async () => {
      const [one, two] = [await session(first), await session(second)];
      return one.refreshToken !== old.refreshToken && one.refreshToken === two.refreshToken;
    });
    await second.close();
    await first.close();
  });

  test("the simulator's page pays a booking", async () => {
    const host = await signUp(marketplace, server, "Hana");
    const listingId = await offerListing(host.client);
    const quote = await createQuote(guest.client, listingId, stayIn(20, 2));
    const booking = await createBooking(guest.client, quote.id, "browser-key-1");
    const { body } = await guest.client.askToPay(booking.id);
    const url = marketplace.stripe.payUrl({
      id: String(body.stripePaymentIntentId),
      client_secret: String(body.clientSecret),
    });
    const { page } = await open(url);
    await page.getByRole("button").first().click();
    await waitUntil("the booking is confirmed", async () => {
      return (await bookingStatus(guest.client, booking.id)) === "CONFIRMED";
    });
    await page.close();
  });
});
