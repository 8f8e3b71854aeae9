/** Threads in a page, and what pages may forbid. `WEFT_UPDATE=1` writes the table of docs/guide/browsers.md anew. */
import { join } from "node:path";
import process from "node:process";
import type { Browser } from "puppeteer-core";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aliases } from "../../scripts/aliases.mjs";
import { inBrowsers, visit } from "./page.ts";
import { documented, ENOUGH, NEEDS, type Need, outcomeIn, render, write } from "./policies.ts";
import { type Headers, ROOT } from "./server.ts";

async function bundled(): Promise<string> {
  const lib = { entry: join(ROOT, "test/browser/threads.mjs"), formats: ["es" as const] };
  const output = await build({
    root: ROOT,
    configFile: false,
    logLevel: "error",
    resolve: { alias: aliases("browser", join(ROOT, "src"), "ts") },
    build: {
      lib,
      write: false,
      minify: true,
      target: "es2022",
      // Which files do something when they are loaded, the package tells of dist/ only.
      rollupOptions: { treeshake: false },
    },
  });
  const [result] = Array.isArray(output) ? output : [output];
  if (!result || !("output" in result)) throw new Error("vite made no output");
  return result.output[0].code;
}

interface Threads {
  readonly readyThreads: number;
  readonly whyFewer?: string;
}

/** See `threads.mjs`. */
interface Found {
  readonly error?: string;
  readonly isolated: boolean;
  readonly equal: boolean;
  /** Whether a call right after `init()` was handed over to workers; undefined where there are none. */
  readonly helped?: boolean;
  readonly before: Threads;
  readonly after: Threads;
  readonly more: Threads;
}

let code: string;
beforeAll(async () => {
  code = await bundled();
}, 60_000);

const HTML = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.mjs"></script>';

/** What a page found out that is served with these headers, and what weft wrote on its console. */
async function look(
  browser: Browser,
  headers: Headers,
): Promise<{ found: Found; said: string[]; workers: number }> {
  const served = { scripts: { "/page.mjs": code }, headers, policed: true };
  const { result, lines, workers } = await visit<Found>(browser, HTML, served);
  return { found: result, said: lines.filter((line) => line.startsWith("weft")), workers };
}

/** What happens without something, in words. */
function outcome({ error, after }: Found, [warning]: readonly string[]): string {
  if (error !== undefined) return `nothing is computed; the first operation throws “${error}”`;
  return `${after.readyThreads === 1 ? "one thread" : "threads"}; a warning on the console: “${warning}”`;
}

const update = process.env.WEFT_UPDATE === "1";
const observed = new Map<Need, string>();
afterAll(() => {
  // Where there is no browser they stand as they were.
  if (update) write(render((need) => observed.get(need) ?? outcomeIn(documented(), need)));
});

inBrowsers("threads", (browser) => {
  test.each(ENOUGH)("help from the call after init() on, with %s", async (_, headers) => {
    const { found, said, workers } = await look(browser(), headers);
    expect({ ...found, said, workers }).toEqual({
      isolated: true,
      equal: true,
      before: { readyThreads: 1, whyFewer: expect.stringContaining("`await init()` starts them") },
      after: { readyThreads: 2 },
      more: { readyThreads: 3 },
      helped: true,
      said: [],
      workers: 2,
    });
  });

  test.each(NEEDS)("without $what", async (need) => {
    const { found, said } = await look(browser(), need.without);
    const words = outcome(found, said);
    observed.set(need, words);
    if (!update) expect(words).toBe(outcomeIn(documented(), need));
    if (found.error !== undefined) return;
    // Once, and `explain` gives the same reason.
    expect(said).toEqual([`weft runs on one thread, although config.threads is 2: ${found.after.whyFewer}.`]);
    expect(found).toMatchObject({ equal: true, after: { readyThreads: 1 }, more: { readyThreads: 1 } });
  });
});

test.runIf(!update)("the guide has these rows and no others", () => {
  const rows = documented();
  expect(render((need) => outcomeIn(rows, need))).toBe(rows);
});
