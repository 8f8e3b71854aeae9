/** Bundlers that users have make scripts of a program, for Node and for pages, and the scripts run. */
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Browser } from "puppeteer-core";
import { createServer } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findBrowser } from "../../scripts/browsers.mjs";
import { findTool } from "../../scripts/toolchains.mjs";
import { launch, open, visit } from "../browser/page.ts";
import { GRADIENT, MODULE, ROOT, User } from "../support/packed.ts";
import { type Bundler, bundle, esbuild, parcel, rollup, vite, viteForNode, webpack } from "./bundlers.ts";
import { buildApp, startApp } from "./next.ts";

/** For machines that have much else to do. */
const LIMIT = 480_000;

const user = new User();
const executablePath = findBrowser("Chromium");
let browser: Browser | undefined;
beforeAll(async () => {
  await user.install();
  browser = executablePath === undefined ? undefined : await launch("Chromium", executablePath);
});
afterAll(async () => {
  await browser?.close();
  user.remove();
});

/** Vite is a development dependency. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  Vite: [],
  webpack: ["webpack"],
  Rollup: ["rollup", "@rollup/plugin-node-resolve"],
  esbuild: ["esbuild"],
  Parcel: ["parcel"],
  Next: ["next", "react", "react-dom"],
};
const isHere = (bundler: string): boolean => NEEDS[bundler]!.every((name) => findTool(name) !== undefined);
/** Those that are not there have no rows; `npm test` says so. */
const here = <Row extends readonly [bundler: string, ...unknown[]]>(rows: readonly Row[]): Row[] =>
  rows.filter(([bundler]) => isHere(bundler));

type Type = "module" | "commonjs";
const PARCEL_NODE = { context: "node", includeNodeModules: true, outputFormat: "commonjs" };
const FOR_NODE: readonly [string, Type, Bundler][] = [
  ["Vite", "module", viteForNode("es")],
  ["Vite", "commonjs", viteForNode("cjs")],
  ["webpack", "module", webpack({ target: "node", output: { module: true, library: { type: "module" } } })],
  ["webpack", "commonjs", webpack({ target: "node" })],
  ["Rollup", "module", rollup({ exportConditions: ["node"] }, "es")],
  ["Rollup", "commonjs", rollup({ exportConditions: ["node"] }, "cjs")],
  ["esbuild", "module", esbuild("node", "esm")],
  ["esbuild", "commonjs", esbuild("node", "cjs")],
  ["Parcel", "commonjs", parcel({ targets: { default: PARCEL_NODE } })],
];
const FOR_PAGES: readonly [string, how: string, Bundler][] = [
  ["Vite", "as it is", vite()],
  ["webpack", "as it is", webpack({ target: "web" })],
  ["Rollup", "as it is", rollup({ browser: true }, "es")],
  ["esbuild", "as it is", esbuild("browser", "esm")],
  ["Parcel", "as it is", parcel({})],
  ["Parcel", "told to read exports", parcel({ "@parcel/resolver-default": { packageExports: true } })],
];
/** With an icon, for browsers ask for one. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>weft</title><link rel="icon" href="data:,">
  <script type="module" src="/program.js"></script>`;

/** Runs a script in Node. */
function inNode(file: string, type: Type): Promise<unknown> {
  writeFileSync(join(dirname(file), "package.json"), JSON.stringify({ type }));
  return user.result(process.execPath, [file]);
}

describe("bundled for Node", () => {
  test.each(here(FOR_NODE))("by %s as %s", { timeout: LIMIT }, async (name, type, bundler) => {
    const file = await bundle(user, `${name}-${type}`, bundler, MODULE);
    expect(await inNode(file, type)).toEqual([GRADIENT, user.tier]);
  });
});

describe("bundled for pages", () => {
  test.each(here(FOR_PAGES))("by %s %s", { timeout: LIMIT }, async (name, how, bundler) => {
    const file = await bundle(user, `${name}-${how}`, bundler, MODULE);
    // Without a browser, too: such a script asks nothing of Node.
    expect(await inNode(file, "module")).toEqual([GRADIENT, "wasm"]);
    if (browser === undefined) return;
    const { result } = await visit(browser, PAGE, {
      scripts: { "/program.js": await readFile(file, "utf8") },
    });
    expect(result).toEqual([GRADIENT, "wasm"]);
  });
});

describe("Vite's development server", () => {
  const external: [how: string, ssr: object][] = [
    ["as Node loads the package", {}],
    ["as Vite loads it", { noExternal: true }],
  ];
  test.each(external)("renders %s", async (how, ssr) => {
    user.write("ssr/program.mjs", MODULE);
    const options = {
      configFile: false,
      appType: "custom",
      server: { middlewareMode: true, ws: false },
      ssr,
    };
    const file = user.write(
      `ssr/${how}.mjs`,
      `import { createServer } from ${JSON.stringify(join(ROOT, "node_modules/vite/dist/node/index.js"))};
       const server = await createServer({ root: import.meta.dirname, ...${JSON.stringify(options)} });
       await server.ssrLoadModule("/program.mjs");
       await server.close();`,
    );
    expect(await user.result(process.execPath, [file])).toEqual([GRADIENT, user.tier]);
  });

  if (executablePath !== undefined)
    test("serves pages", async () => {
      user.write("dev/program.js", MODULE);
      const root = dirname(user.write("dev/index.html", PAGE));
      const server = await createServer({
        configFile: false,
        logLevel: "error",
        root,
        server: { port: 0, host: "127.0.0.1" },
      });
      try {
        await server.listen();
        const { result } = await open(browser!, server.resolvedUrls!.local[0]!);
        expect(result).toEqual([GRADIENT, "wasm"]);
      } finally {
        await server.close();
      }
    });
});

if (isHere("Next"))
  test("Next, by Turbopack", { timeout: LIMIT }, async () => {
    await buildApp(user);
    const app = await startApp(user);
    try {
      expect(await (await fetch(`${app.url}/route`)).json()).toEqual([GRADIENT, user.tier]);
      expect(await (await fetch(app.url)).text()).toContain(`<main>${GRADIENT} ${user.tier}</main>`);
      if (browser !== undefined) expect((await open(browser, app.url)).result).toEqual([GRADIENT, "wasm"]);
    } finally {
      await app.stop();
    }
  });
