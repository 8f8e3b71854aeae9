/** The package as `npm pack` makes it of a clean clone: what is in it, and that runtimes and bundlers run it. */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type InlineConfig } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the package is made of, as git has it. */
const SOURCES = ["docs", "scripts", "src", "LICENSE", "package.json", "tsconfig.json", "tsconfig.build.json"];
const PAGES = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md"];

const folder = mkdtempSync(join(tmpdir(), "weft-package-"));
const installed = join(folder, "user", "node_modules", "weftjs");
const inFolder = (path: string, text: string): string => {
  const file = join(folder, "user", path);
  writeFileSync(file, text);
  return file;
};
const run = (command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): string =>
  execFileSync(command, args, { cwd, encoding: "utf8", env: { ...process.env, ...env } });
const read = (path: string): string => readFileSync(join(installed, path), "utf8");

let files: readonly string[] = [];
beforeAll(() => {
  const clone = join(folder, "clone");
  for (const path of [...SOURCES, ...PAGES]) cpSync(join(ROOT, path), join(clone, path), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
  const [{ filename, files: packed }] = JSON.parse(run("npm", ["pack", "--json"], clone));
  files = packed.map(({ path }: { path: string }) => path);
  mkdirSync(installed, { recursive: true });
  run("tar", ["-xzf", join(clone, filename), "--strip-components=1"], installed);
  symlinkSync(join(ROOT, "node_modules", "koffi"), join(installed, "..", "koffi"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the tarball", () => {
  test.each(["dist/index.js", "dist/index.d.ts", "dist/weft.js", "dist/weft.node.js", "LICENSE", ...PAGES])(
    "has %s",
    (path) => expect(files).toContain(path),
  );
  test("has nothing of what makes and tests it", () => {
    const folders = new Set(files.map((path) => path.split("/")[0]));
    expect([...folders].sort()).toEqual(["LICENSE", ...PAGES, "dist", "docs", "package.json"].sort());
  });
  test("has the sources in its source maps", () => {
    for (const path of files.filter((file) => file.endsWith(".js.map")))
      expect(JSON.parse(read(path)).sourcesContent, path).not.toContain(null);
  });
  test("has what its pages link to", () => {
    for (const page of files.filter((file) => file.endsWith(".md")))
      for (const [, link] of read(page).matchAll(/\]\((?!\w+:|#)([^)#]+)/g))
        expect(existsSync(join(installed, dirname(page), link!)), `${page}: ${link}`).toBe(true);
  });
});

/** Prints a gradient, and the tier that it ran on. */
const PROGRAM = `
const decay = (rate, xs) => lax.scan((c, x) => [np.tanh(c.mul(rate)).add(x), null], np.array(0), xs)[0];
const f = jit(grad(decay));
const xs = np.array([1, 2, 3]);
console.log(JSON.stringify([f(0.5, xs).item().toFixed(4), explain(f)(0.5, xs).tier]));`;
const MODULE = `import { explain, grad, jit, lax, numpy as np } from "weftjs";${PROGRAM}`;
const COMMON = `const { explain, grad, jit, lax, numpy: np } = require("weftjs");${PROGRAM}`;
/** As JAX computes it. */
const GRADIENT = "0.8267";

/** What Vite (and Rolldown, its bundler) makes of the program, in a folder that is not the package's. */
async function bundle(name: string, options: InlineConfig): Promise<string> {
  const root = join(folder, "user");
  const outDir = join(folder, "bundles", name);
  await build({
    configFile: false,
    logLevel: "error",
    root,
    ...options,
    build: { outDir, emptyOutDir: true, target: "es2022", ...options.build },
  });
  return join(outDir, "program.js");
}
const forNode = (format: "es" | "cjs"): InlineConfig => ({
  ssr: { noExternal: true },
  build: {
    ssr: inFolder("program.mjs", MODULE),
    minify: true,
    rollupOptions: { output: { format, entryFileNames: "program.js" } },
  },
});
const PAGE: InlineConfig = {
  build: {
    rollupOptions: {
      input: join(folder, "user", "page.mjs"),
      output: { entryFileNames: "program.js" },
    },
  },
};

describe("runs", () => {
  const native = existsSync(join(ROOT, "node_modules", "koffi")) && works("cc");
  const tier = native ? "native" : "wasm";
  const rows: [string, tier: string, program: () => Promise<string> | string][] = [
    ["as a module of Node", tier, () => inFolder("program.mjs", MODULE)],
    ["as CommonJS of Node", tier, () => inFolder("program.cjs", COMMON)],
    [
      "from the file for pages",
      "wasm",
      () => inFolder("page.mjs", MODULE.replace("weftjs", "./node_modules/weftjs/dist/weft.js")),
    ],
    ["bundled by Vite for Node", tier, () => bundle("module", forNode("es"))],
    ["bundled by Vite as CommonJS", tier, () => bundle("common", forNode("cjs"))],
    [
      "bundled by Vite for pages",
      "wasm",
      () => {
        inFolder("page.mjs", MODULE);
        return bundle("page", PAGE);
      },
    ],
  ];
  test.each(rows)("%s", async (name, expected, program) => {
    const file = await program();
    if (file.startsWith(join(folder, "bundles")))
      writeFileSync(
        join(dirname(file), "package.json"),
        `{ "type": "${name.endsWith("CommonJS") ? "commonjs" : "module"}" }`,
      );
    // Started where koffi is found; a bundle need not lie there.
    const out = run(process.execPath, [file], join(folder, "user"), {
      WEFT_TIER: "native",
      WEFT_CACHE_DIR: join(folder, "cache"),
    });
    expect(JSON.parse(out)).toEqual([GRADIENT, expected]);
  });
});

test("traces begin at the user's line", () => {
  const fault = `import { numpy as np } from "weftjs";
    try { np.ones([2]).add(np.ones([3])); } catch ({ stack }) { console.log(stack.split("\\n").find((line) => / at /.test(line))); }`;
  for (const from of ["weftjs", "./node_modules/weftjs/dist/weft.js"]) {
    const file = inFolder("fault.mjs", fault.replace("weftjs", from));
    expect(run(process.execPath, [file], dirname(file))).toContain("fault.mjs:2");
  }
});

function works(command: string): boolean {
  try {
    return run(command, ["--version"], ROOT) !== "";
  } catch {
    return false;
  }
}

test("a page has no interpreter, and says so", async () => {
  inFolder(
    "page.mjs",
    `import { config, numpy as np } from "weftjs"; config.tier = "interp";
     try { np.ones([2]); } catch ({ name, message }) { console.log(name, message); }`,
  );
  const file = await bundle("interp", PAGE);
  writeFileSync(join(dirname(file), "package.json"), `{ "type": "module" }`);
  expect(run(process.execPath, [file], join(folder, "user"))).toMatch(
    /^WeftValueError config.tier = "interp"/,
  );
});

test("a page prints programs when it has makeJaxpr", async () => {
  const look = `console.log(jit((x) => np.exp(x)).lower(np.ones([2])).asText().slice(0, 10));`;
  const rows: [uses: string, prints: RegExp][] = [
    ["", /WeftValueError: asText: .*makeJaxpr/],
    ["makeJaxpr(np.exp);", /^\{ lambda ;/],
  ];
  for (const [uses, prints] of rows) {
    inFolder(
      "page.mjs",
      `import { jit, makeJaxpr, numpy as np } from "weftjs"; ${uses} try { ${look} } catch (e) { console.log(String(e)); }`,
    );
    const file = await bundle("print", PAGE);
    writeFileSync(join(dirname(file), "package.json"), `{ "type": "module" }`);
    expect(run(process.execPath, [file], join(folder, "user"))).toMatch(prints);
  }
});

/** Bytes after gzip that a page loads for jit, grad, lax and ten functions of numpy. */
const LARGEST = 121_000;
test("a page's bundle is small", async () => {
  const ten = ["ones", "zeros", "exp", "log", "sum", "mean", "matmul", "where", "concatenate", "maximum"];
  inFolder(
    "page.mjs",
    `import { grad, jit, lax, numpy as np } from "weftjs"; console.log(grad, jit, lax.scan, ${ten.map((f) => `np.${f}`)});`,
  );
  const bytes = gzipSync(readFileSync(await bundle("size", PAGE))).length;
  console.log(`a page that imports { jit, grad, lax, numpy } loads ${(bytes / 1000).toFixed(1)} kB (gzip)`);
  expect(bytes).toBeLessThan(LARGEST);
});
