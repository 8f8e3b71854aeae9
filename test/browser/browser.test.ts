/** The built library in a page: the same program gives the same losses as in Node. Needs Chromium. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium, LEFT_OUT } from "../../scripts/chromium.mjs";
import { launch, visit } from "./page.ts";
import { ROOT } from "./server.ts";

const STEPS = 20;

/** The import map that the guide tells pages to use. */
const guide = readFileSync(join(ROOT, "docs/guide/browsers.md"), "utf8");
const importMap = /<script type="importmap">[\s\S]*?<\/script>/.exec(guide)?.[0];
const pageWith = (script: string): string =>
  `<!doctype html><meta charset="utf-8"><title>weft</title>${importMap}<script type="module">${script}</script>`;
const training = (path: string): string =>
  pageWith(`
  import { train } from ${JSON.stringify(path)};
  window.result = { losses: train(${STEPS}), isolated: window.crossOriginIsolated };
`);

/** The training program and what it needs of the library as one script, as a bundler makes it. */
async function bundled(): Promise<string> {
  const lib = { entry: join(ROOT, "test/browser/train.mjs"), formats: ["es" as const] };
  const output = await build({
    root: ROOT,
    configFile: false,
    logLevel: "warn",
    build: { write: false, lib },
  });
  return [output].flat().flatMap((x) => ("output" in x ? [x.output[0].code] : []))[0]!;
}

/** A program of the project in a Node process of its own; what it printed, line by line. */
async function runNode(code: string): Promise<string[]> {
  const args = ["--input-type=module", "-e", code];
  const run = promisify(execFile)(process.execPath, args, { cwd: ROOT });
  const { stdout } = await run.catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  return stdout.trim().split("\n");
}

const executablePath = findChromium();

if (executablePath === undefined) {
  test(LEFT_OUT, () => console.log(LEFT_OUT));
} else {
  describe("a page", { timeout: 60_000 }, () => {
    let browser: Browser;
    let lines: string[];
    let losses: number[];

    beforeAll(async () => {
      await runNode('import { ensureBuilt } from "./scripts/ensure.mjs"; ensureBuilt();');
      const [launched, printed] = await Promise.all([
        launch(executablePath),
        runNode(
          `import { train } from "./test/browser/train.mjs"; console.log(JSON.stringify(train(${STEPS})));`,
        ),
      ]);
      browser = launched;
      losses = JSON.parse(printed.at(-1)!);
      lines = printed.slice(0, -1);
    }, 120_000);

    afterAll(() => browser?.close());

    test("Node's own run learns", () => {
      expect(losses).toHaveLength(STEPS);
      expect(losses[0]).toBeCloseTo(Math.log(20), 0);
      expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.5);
    });

    test.each([
      ["with shared memory", true],
      ["without", false],
    ])("%s trains a stacked LSTM as Node does", async (_, isolated) => {
      const found = await visit<{ losses: number[]; isolated: boolean }>(
        browser,
        training("/test/train.mjs"),
        isolated,
      );
      expect(found.result.isolated).toBe(isolated);
      expect(found.result.losses).toHaveLength(STEPS);
      for (const [i, x] of losses.entries())
        expect(Math.abs(found.result.losses[i]! - x) / x, `step ${i}`).toBeLessThan(1e-4);
      expect(found.lines).toEqual(lines);
      expect(found.lines[0]).toMatch(/^step 1: loss \d\.\d{4}$/);
    });

    test("trains the same when a bundler made the script", async () => {
      const code = await bundled();
      expect(code).not.toContain("node:");
      const html = training("/bundle.mjs").replace(importMap!, "");
      const found = await visit<{ losses: number[] }>(browser, html, false, { "/bundle.mjs": code });
      expect(found.lines).toEqual(lines);
      expect(found.result.losses).toHaveLength(STEPS);
    });

    test("runs the example of the guide", async () => {
      const html = `<!doctype html>${/```html\n([\s\S]*?)```/.exec(guide)![1]}<script type="module">window.result = 1</script>`;
      const { lines: printed } = await visit(browser, html);
      expect(printed).toEqual(["[1.         0.41997433 0.07065082]"]);
    });

    test("errors in a page are seen", async () => {
      await expect(visit(browser, pageWith('throw new Error("from the page")'))).rejects.toThrow(
        "from the page",
      );
      await expect(visit(browser, pageWith('import "#unknown"'))).rejects.toThrow(/#unknown/);
      await expect(visit(browser, pageWith('import "/test/missing.mjs"'))).rejects.toThrow(/404/);
    });
  });
}
