/** The built library in a page: the same program gives the same losses as in Node. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "vite";
import { beforeAll, expect, test } from "vitest";
import { inBrowsers, visit } from "./page.ts";
import { type Headers, ISOLATED, ROOT } from "./server.ts";

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

/** What Node makes of the training program. */
let lines: string[];
let losses: number[];
let bundle: string;
beforeAll(async () => {
  await runNode('import { ensureBuilt } from "./scripts/ensure.mjs"; ensureBuilt();');
  const node = `import { train } from "./test/browser/train.mjs"; console.log(JSON.stringify(train(${STEPS})));`;
  const [printed, code] = await Promise.all([runNode(node), bundled()]);
  bundle = code;
  losses = JSON.parse(printed.at(-1)!);
  lines = printed.slice(0, -1);
}, 120_000);

test("Node's own run learns", () => {
  expect(losses).toHaveLength(STEPS);
  expect(losses[0]).toBeCloseTo(Math.log(20), 0);
  expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.5);
});

inBrowsers("a page", (browser) => {
  test.each<[string, Headers, boolean]>([
    ["with shared memory", ISOLATED, true],
    ["without", {}, false],
  ])("%s trains a stacked LSTM as Node does", async (_, headers, isolated) => {
    const found = await visit<{ losses: number[]; isolated: boolean }>(
      browser(),
      training("/test/train.mjs"),
      { headers },
    );
    expect(found.result.isolated).toBe(isolated);
    expect(found.result.losses).toHaveLength(STEPS);
    for (const [i, x] of losses.entries())
      expect(Math.abs(found.result.losses[i]! - x) / x, `step ${i}`).toBeLessThan(1e-4);
    expect(found.lines).toEqual(lines);
    expect(found.lines[0]).toMatch(/^step 1: loss \d\.\d{4}$/);
  });

  test("trains the same when a bundler made the script", async () => {
    expect(bundle).not.toContain("node:");
    const html = training("/bundle.mjs").replace(importMap!, "");
    const found = await visit<{ losses: number[] }>(browser(), html, { scripts: { "/bundle.mjs": bundle } });
    expect(found.lines).toEqual(lines);
    expect(found.result.losses).toHaveLength(STEPS);
  });

  test("runs the example of the guide", async () => {
    const html = `<!doctype html>${/```html\n([\s\S]*?)```/.exec(guide)![1]}<script type="module">window.result = 1</script>`;
    const { lines: printed } = await visit(browser(), html);
    expect(printed).toEqual(["[1.         0.41997433 0.07065082]"]);
  });

  test.each([
    ['throw new Error("from the page")', /from the page/],
    ['import "#unknown"', /#unknown/],
    ['import "/test/missing.mjs"', /404/],
  ])("the error of %s is seen", async (script, message) => {
    await expect(visit(browser(), pageWith(script))).rejects.toThrow(message);
  });
});
