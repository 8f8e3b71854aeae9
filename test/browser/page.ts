/** Pages in Chromium, and what they report. */
import { type Browser, chromium } from "playwright-core";
import { serve } from "./server.ts";

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ARGS });

/** What a page reported and printed. */
export interface Visit<T> {
  readonly result: T;
  readonly lines: readonly string[];
}

/** Opens a page and waits for its `window.result`; fails on errors in the page. */
export async function open<T>(browser: Browser, url: string): Promise<Visit<T>> {
  const page = await browser.newPage();
  const lines: string[] = [];
  const failed = new Promise<never>((_, reject) => {
    page.on("pageerror", (error) => reject(new Error(error.message))); // its stack names no files of ours
    page.on("console", (message) => {
      if (message.type() === "error") reject(new Error(message.text()));
      else lines.push(message.text());
    });
  });
  failed.catch(() => {});
  try {
    await Promise.race([page.goto(url), failed]);
    await Promise.race([page.waitForFunction("window.result !== undefined"), failed]);
    return { result: (await page.evaluate("window.result")) as T, lines };
  } finally {
    await page.close();
  }
}

/** Opens a page of this text, with scripts by path. */
export async function visit<T>(
  browser: Browser,
  html: string,
  isolated = false,
  scripts: Readonly<Record<string, string>> = {},
): Promise<Visit<T>> {
  const site = await serve({ "/": html, ...scripts }, isolated);
  try {
    return await open(browser, site.url);
  } finally {
    await site.close();
  }
}
