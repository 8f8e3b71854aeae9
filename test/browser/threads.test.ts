/** Threads in a page: workers from a Blob, a main thread that may not block. Needs Chromium. */
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium, LEFT_OUT } from "../../scripts/chromium.mjs";
import { ROOT, serve } from "./server.ts";

async function bundled(): Promise<string> {
  const lib = { entry: join(ROOT, "test/browser/threads.mjs"), formats: ["es" as const] };
  const output = await build({
    root: ROOT,
    configFile: false,
    logLevel: "error",
    resolve: { alias: { "#platform": join(ROOT, "src/runtime/platform-browser.ts") } },
    build: {
      lib,
      write: false,
      minify: true,
      target: "es2022",
    },
  });
  const [result] = Array.isArray(output) ? output : [output];
  if (!result || !("output" in result)) throw new Error("vite made no output");
  return result.output[0].code;
}

interface Found {
  readonly result: { equal: boolean; isolated: boolean };
  readonly warnings: string[];
  readonly workers: number;
}

async function visit(browser: Browser, code: string, isolated: boolean): Promise<Found> {
  const html = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.mjs"></script>';
  const site = await serve({ "/": html, "/page.mjs": code }, isolated);
  const page = await browser.newPage();
  const warnings: string[] = [];
  page.on("console", (message) => warnings.push(message.text()));
  const failed = new Promise<never>((_, reject) => page.on("pageerror", reject));
  failed.catch(() => {});
  try {
    await page.goto(site.url);
    await Promise.race([page.waitForFunction("window.result !== undefined"), failed]);
    const result = (await page.evaluate("window.result")) as Found["result"];
    return { result, warnings, workers: page.workers().length };
  } finally {
    await page.close();
    await site.close();
  }
}

const executablePath = findChromium();

if (executablePath === undefined) {
  test(LEFT_OUT, () => console.log(LEFT_OUT));
} else {
  describe("threads in a page", { timeout: 60_000 }, () => {
    let browser: Browser;
    let code: string;
    beforeAll(async () => {
      const args = ["--no-sandbox", "--disable-gpu"];
      [browser, code] = await Promise.all([chromium.launch({ executablePath, args }), bundled()]);
    });
    afterAll(() => browser?.close());

    test("help where memory can be shared", async () => {
      const { result, warnings, workers } = await visit(browser, code, true);
      expect({ result, warnings, workers }).toEqual({
        result: { equal: true, isolated: true },
        warnings: [],
        workers: 1,
      });
    });

    test("are missing elsewhere, with one warning", async () => {
      const { result, warnings, workers } = await visit(browser, code, false);
      expect({ result, workers }).toEqual({ result: { equal: true, isolated: false }, workers: 0 });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain("it is not cross-origin isolated");
    });
  });
}
