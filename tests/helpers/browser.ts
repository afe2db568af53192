/**
 * A headless Chromium, and what it complains about. Without one on the machine the suites that
 * want it are skipped, with a line that says so.
 */
import { existsSync } from "node:fs";
import { describe } from "@jest/globals";
import { type Browser, chromium, type Page } from "playwright-core";

/** Debian's Chromium; `.ci/run` installs the shell, which draws with a third of the work. */
const CHROMIUM = ["chromium-headless-shell", "chromium", "chromium-browser"]
  .map((name) => `/usr/bin/${name}`)
  .find((path) => existsSync(path));
export const describeInBrowser = CHROMIUM === undefined ? describe.skip : describe;
if (CHROMIUM === undefined) {
  process.stderr.write(
    "What wants a browser is skipped: install Chromium (apt-get install chromium-headless-shell).\n",
  );
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
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
}

export interface Opened {
  readonly page: Page;
  /** Blocked scripts, failed loads, and requests to elsewhere. */
  readonly complaints: readonly string[];
}

/** Opens an address in a page that remembers complaints. */
export async function openPage(browser: Browser, url: string, width = 1280): Promise<Opened> {
  const complaints: string[] = [];
  const page = await browser.newPage({ viewport: { width, height: 800 } });
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    const isHere = hostname === "127.0.0.1" || hostname === "localhost";
    if (protocol.startsWith("http") && !isHere) complaints.push(request.url());
  });
  await page.goto(url);
  return { page, complaints };
}
