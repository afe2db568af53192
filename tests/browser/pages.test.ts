import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Secret, TOTP } from "otpauth";
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
  let closeElsewhere = () => undefined as unknown;

  beforeAll(async () => {
    marketplace = await openMarketplace(database, 1);
    marketplace.startWorker();
    server = marketplace.servers[0] ?? "";
    browser = await launchBrowser();
    guest = await signUp(marketplace, server, "Gus");
  });

  afterAll(async () => {
    await browser?.close();
    await marketplace?.dispose();
    closeElsewhere();
  });

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

  const KEY = "staybase-session";
  const session = (page: Page): Promise<Record<string, string>> =>
    page.evaluate((key) => JSON.parse(localStorage.getItem(key) ?? "{}"), KEY);
  const signIn = async (page: Page): Promise<void> => {
    await page.locator("summary").click();
    await page.getByLabel("E-mail").fill(guest.email);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.locator("form button").click();
    await page.getByText(`You are ${guest.email}`).waitFor();
  };
  /** Loads the page with an access token that is over, and waits for the next one. */
  const renew = async (page: Page): Promise<void> => {
    const old = await session(page);
    await page.evaluate(({ key, over }) => localStorage.setItem(key, JSON.stringify(over)), {
      key: KEY,
      over: { ...old, accessTokenExpiresAt: new Date(0).toISOString() },
    });
    await page.reload();
    await waitUntil("the next access token", async () => {
      const { accessToken } = await session(page);
      return accessToken !== undefined && accessToken !== old.accessToken;
    });
  };

  test("tabs are one person, whose refresh token no script can read", async () => {
    const context = await browser.newContext();
    const [first, second] = [await context.newPage(), await context.newPage()];
    await first.goto(`${server}/bookings/1`);
    await second.goto(`${server}/bookings/2`);
    await second.getByText("Not signed in").waitFor();
    await signIn(first);
    await second.getByText(`You are ${guest.email}`).waitFor();
    expect(await session(first)).toMatchObject({ userId: guest.userId, refreshToken: "" });
    expect(await first.evaluate("document.cookie")).toBe("");
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: "__Host-staybase-refresh", httpOnly: true, secure: true });
    await renew(first);
    await renew(second);
    const [renewed] = await context.cookies();
    expect(renewed?.value).not.toBe(cookie?.value);
    await second.getByRole("button", { name: "Sign out" }).click();
    await first.getByText("Not signed in").waitFor();
    await waitUntil("the cookie is gone", async () => {
      return (await context.cookies()).length === 0;
    });
    await context.close();
  });

  test("who has a second factor is asked for its code, also by the page of a mailed link", async () => {
    const { client, email } = await signUp(marketplace, server, "Ida");
    const { body } = await client.post("/v1/me/second-factor");
    const totp = new TOTP({ secret: Secret.fromBase32(String(body.secret)) });
    const codeAt = (steps: number): string =>
      totp.generate({ timestamp: Date.now() + steps * 30_000 });
    const enabled = await client.post("/v1/me/second-factor/enable", { code: codeAt(-1) });
    const [recoveryCode = ""] = enabled.body.recoveryCodes as string[];

    const { page } = await open(`${server}/bookings/1`);
    await page.locator("summary").click();
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(PASSWORD);
    expect(await page.getByLabel("Code").isVisible()).toBe(false);
    await page.locator("form button").click();
    await page.getByLabel("Code").fill(codeAt(0));
    await page.locator("form button").click();
    await page.getByText(`You are ${email}`).waitFor();
    expect(await page.getByLabel("Code").isVisible()).toBe(false);
    await page.close();

    await client.post("/v1/auth/password/forgot", { email });
    let link = "";
    await waitUntil("the mailed link", async () => {
      const mails = await marketplace.mails();
      const mail = mails.find(({ to, subject }) => to.includes(email) && /password/.test(subject));
      link = mail?.links[0] ?? "";
      return link !== "";
    });
    const { pathname, search } = new URL(link);
    const { page: reset } = await open(server + pathname + search);
    await reset.getByLabel("New password").fill("another horse battery");
    await reset.getByRole("button").click();
    await reset.getByText("Type the code of your second factor").waitFor();
    await reset.getByLabel("New password").fill("another horse battery");
    await reset.getByLabel("The six digits").fill(recoveryCode);
    await reset.getByRole("button").click();
    await reset.getByText("Your password is new").waitFor();
    await reset.close();
  });

  test("a page of another origin of the same site cannot use the session", async () => {
    const context = await browser.newContext();
    const [page, foreign] = [await context.newPage(), await context.newPage()];
    await page.goto(`${server}/bookings/1`);
    await signIn(page);
    const [before] = await context.cookies();
    // Another port is another origin of the same site: SameSite does not hold the cookie back.
    const elsewhere = createServer((_request, response) => {
      response.setHeader("content-type", "text/html").end("<title>Elsewhere</title>");
    });
    closeElsewhere = () => elsewhere.close();
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    const { port } = elsewhere.address() as AddressInfo;
    await foreign.goto(`http://127.0.0.1:${port}/`);
    const outcomes = await foreign.evaluate(async (url) => {
      const all = { method: "POST", credentials: "include" } as const;
      const json = new Blob(["{}"], { type: "application/json" });
      const tries: RequestInit[] = [
        { ...all, mode: "no-cors" },
        { ...all, mode: "no-cors", body: "{}" },
        { ...all, body: json },
      ];
      const sent = tries.map((init) => fetch(`${url}/v1/auth/refresh`, init));
      return (await Promise.allSettled(sent)).map(({ status }) => status);
    }, server);
    expect(outcomes).toEqual(["rejected", "rejected", "rejected"]);
    expect(await context.cookies()).toEqual([before]);
    await renew(page);
    await context.close();
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
