import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Browser, chromium, type Page } from "playwright-core";
import { readOperations } from "../../src/http/openapi.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { type Person, signUp } from "../story/people.ts";
import { bookingStatus, createBooking, createQuote, offerListing, stayIn } from "../story/stay.ts";

/** Debian's Chromium; `.ci/run` installs it. */
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) =>
  existsSync(path),
);
const describeInBrowser = CHROMIUM === undefined ? describe.skip : describe;
if (CHROMIUM === undefined) {
  process.stderr.write("tests/browser is skipped: install Chromium (apt-get install chromium).\n");
}

describeInBrowser("in a browser", () => {
  const database = testDatabase();
  let marketplace: Marketplace;
  let browser: Browser;
  let server: string;
  let guest: Person;
  const complaints: string[] = [];

  beforeAll(async () => {
    marketplace = await openMarketplace(database, 1);
    marketplace.startWorker();
    server = marketplace.servers[0] ?? "";
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
    guest = await signUp(marketplace, server, "Gus");
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    await marketplace?.dispose();
  }, 30_000);

  /** A page that remembers what the browser complained about: blocked scripts, failed loads. */
  async function open(url: string): Promise<Page> {
    complaints.length = 0;
    const page = await browser.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && hostname !== "127.0.0.1") complaints.push(request.url());
    });
    await page.goto(url);
    return page;
  }

  test("the REST reference shows every operation, without a CDN", async () => {
    const page = await open(`${server}/docs`);
    await page.getByText("Pay a booking").waitFor();
    expect(await page.locator(".opblock").count()).toBe((await readOperations()).length);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("GraphiQL loads the schema and answers the first example", async () => {
    const page = await open(`${server}/graphiql`);
    const execute = page.getByRole("button", { name: /execute/i });
    const example = page.getByRole("menuitem", { name: "Search" });
    const answer = page.getByText('"searchListings"').first();
    // The button offers the operations once the editor has read them, which takes its time.
    await waitUntil("the example is answered", async () => {
      await execute.click({ timeout: 1000 }).catch(() => undefined);
      await example.click({ timeout: 1000 }).catch(() => undefined);
      return answer.waitFor({ timeout: 1000 }).then(
        () => true,
        () => false,
      );
    });
    expect(await page.content()).not.toContain("QUERY_TOO_COMPLEX");
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
    const page = await open(`${server}${link?.pathname}${link?.search}`);
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
    const page = await open(url);
    await page.getByRole("button").first().click();
    await waitUntil("the booking is confirmed", async () => {
      return (await bookingStatus(guest.client, booking.id)) === "CONFIRMED";
    });
    await page.close();
  });
});
