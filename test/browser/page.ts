/** Pages in browsers, and what they report. */
import puppeteer, { type Browser, type LaunchOptions, type Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, test } from "vitest";
import { BROWSERS, type BrowserName, findBrowser, leftOut } from "../../scripts/browsers.mjs";
import { type Headers, serve } from "./server.ts";

const OPTIONS: Readonly<Record<BrowserName, LaunchOptions>> = {
  Chromium: {
    browser: "chrome",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  },
  Firefox: { browser: "firefox" },
};
/** A first start may take long on a machine that has much else to do. */
const START_MS = 120_000;

export const launch = (name: BrowserName, executablePath: string): Promise<Browser> =>
  puppeteer.launch({ ...OPTIONS[name], executablePath, timeout: START_MS });

/** The same tests in every browser; one that is not here is left out by name. */
export function inBrowsers(what: string, tests: (browser: () => Browser) => void): void {
  describe.each(BROWSERS)(`${what} in %s`, { timeout: 60_000 }, (name) => {
    const path = findBrowser(name);
    if (path === undefined) {
      test(leftOut(name), () => console.log(leftOut(name)));
      return;
    }
    let browser: Browser;
    beforeAll(async () => {
      browser = await launch(name, path);
    }, START_MS);
    afterAll(() => browser?.close());
    tests(() => browser);
  });
}

const POLICY = /Content.Security.Policy|This document requires 'Trusted/i;

/** What a page reported and printed. */
export interface Visit<T> {
  readonly result: T;
  readonly lines: readonly string[];
  readonly workers: number;
}

/** What a page may load, and how it is served. */
export interface Served {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly headers?: Headers;
  /** What browsers report as errors because a policy blocks it is among the lines. */
  readonly policed?: boolean;
}

/** Collects lines, and rejects at the first error in the page. */
function failureOf(page: Page, lines: string[], policed: boolean): Promise<never> {
  return new Promise((_, reject) => {
    const blames = (text: string): unknown =>
      policed && POLICY.test(text) ? lines.push(text) : reject(new Error(text));
    page.on("pageerror", (error) => blames(String(error))); // its stack names no files of ours
    page.on("response", (response) => {
      if (response.status() >= 400) blames(`${response.status()}: ${response.url()}`);
    });
    page.on("console", (message) => {
      if (message.type() === "error") blames(message.text());
      else lines.push(message.text());
    });
  });
}

/** Opens a page and waits for its `window.result`; fails on errors in the page. */
export async function open<T>(browser: Browser, url: string, policed = false): Promise<Visit<T>> {
  const page = await browser.newPage();
  const lines: string[] = [];
  const failed = failureOf(page, lines, policed);
  failed.catch(() => {});
  const unless = <R>(done: Promise<R>): Promise<R> => Promise.race([done, failed]);
  try {
    await unless(page.goto(url));
    await unless(page.waitForFunction("window.result !== undefined"));
    return { result: (await page.evaluate("window.result")) as T, lines, workers: page.workers().length };
  } finally {
    await page.close();
  }
}

/** Opens a page of this text. */
export async function visit<T>(
  browser: Browser,
  html: string,
  { scripts = {}, headers = {}, policed = false }: Served = {},
): Promise<Visit<T>> {
  const site = await serve({ "/": html, ...scripts }, headers);
  try {
    return await open(browser, site.url, policed);
  } finally {
    await site.close();
  }
}
