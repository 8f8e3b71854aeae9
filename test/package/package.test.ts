/** The package as `npm pack` makes it of a clean clone: what is in it, its types, and what pages load of it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findTool, VERSIONS } from "../../scripts/toolchains.mjs";
import { PAGES, ROOT, run, User } from "../support/packed.ts";
import { bundle, vite } from "./bundlers.ts";

const user = new User();
beforeAll(() => user.install());
afterAll(() => user.remove());

describe("the tarball", () => {
  test.each(["dist/index.js", "dist/index.d.ts", "dist/weft.js", "dist/weft.node.js", "LICENSE", ...PAGES])(
    "has %s",
    (path) => expect(user.files).toContain(path),
  );
  test("has nothing of what makes and tests it", () => {
    const folders = new Set(user.files.map((path) => path.split("/")[0]));
    expect([...folders].sort()).toEqual(["LICENSE", ...PAGES, "dist", "docs", "package.json"].sort());
  });
  test("has the sources in its source maps", () => {
    for (const path of user.files.filter((file) => file.endsWith(".js.map")))
      expect(JSON.parse(user.read(path)).sourcesContent, path).not.toContain(null);
  });
  test("has what its pages link to", () => {
    for (const page of user.files.filter((file) => file.endsWith(".md")))
      for (const [, link] of user.read(page).matchAll(/\]\((?!\w+:|#)([^)#]+)/g))
        expect(existsSync(join(user.installed, dirname(page), link!)), `${page}: ${link}`).toBe(true);
  });
});

const versionOf = (path: string): string =>
  JSON.parse(readFileSync(join(path, "package.json"), "utf8")).version;
const development = (name: string): string => join(ROOT, "node_modules", name);

test("what the documents say is tried is tried", () => {
  const rows = user.read("docs/toolchains.md").matchAll(/^\| ([A-Z]?[a-z]\w+) \| ([\d., ]+) \|/gm);
  const written = [...rows].flatMap(([, tool, versions]) =>
    versions!.split(", ").map((version) => `${tool!.toLowerCase()} ${version}`),
  );
  const own = ["vite", "typescript"].map((name) => [name, versionOf(development(name))]);
  const tried = [...Object.entries(VERSIONS), ...own]
    .filter(([name]) => !/react|plugin/.test(name!))
    .map(([name, version]) => `${name!.replace(/-\d.*/, "")} ${version}`);
  const said = tried.map((tool) => written.find((start) => `${tool}.`.startsWith(`${start}.`)) ?? tool);
  expect(said.sort()).toEqual(written.sort());
});

/** Uses the package, and shows that its types are there. */
const TYPED = `
import { grad, jit, lax, numpy as np } from "weftjs";
const decay = (rate: np.Array, xs: np.Array): np.Array => lax.scan((c, x) => [c.mul(rate).add(x), null], np.array(0), xs)[0];
export const gradient: np.Array = jit(grad(decay))(0.5, np.array([1, 2, 3]));
const swap = ([a, [b]]: [np.Array, [np.Array]], x: np.Array) => [[b.add(x), [a]], x];
export const [[a, [b]]] = lax.scan(swap, [0, [1]], np.arange(3));
// @ts-expect-error
lax.scan((c) => [c, c], 0, [1, 2]);
// @ts-expect-error
gradient.noSuchMethod();
`;
const COMPILERS = ["typescript-5.4", "typescript-5.9", "typescript-6"]
  .map((name) => findTool(name))
  .concat(development("typescript"))
  .filter((path) => path !== undefined)
  .flatMap((path) => [
    [versionOf(path), "bundler", "esnext", path] as const,
    [versionOf(path), "nodenext", "nodenext", path] as const,
  ]);

describe("has types without a browser's", () => {
  test.each(COMPILERS)(
    "for TypeScript %s, moduleResolution %s",
    async (_, moduleResolution, module, path) => {
      const compilerOptions = {
        ...{ module, moduleResolution, target: "ES2022", lib: ["ES2022"], types: [] },
        ...{ strict: true, skipLibCheck: false, noEmit: true },
      };
      user.write("types/program.mts", TYPED);
      const config = JSON.stringify({ compilerOptions, files: ["program.mts"] });
      const args = [join(path, "bin", "tsc"), "-p", user.write("types/tsconfig.json", config)];
      await run(process.execPath, args, user.root);
    },
  );
});

test("traces begin at the user's line", async () => {
  const fault = `import { numpy as np } from "weftjs";
    try { np.ones([2]).add(np.ones([3])); } catch ({ stack }) { console.log(stack.split("\\n").find((line) => / at /.test(line))); }`;
  for (const from of ["weftjs", "./node_modules/weftjs/dist/weft.js"]) {
    const file = user.write("fault.mjs", fault.replace("weftjs", from));
    expect(await run(process.execPath, [file], user.root)).toContain("fault.mjs:2");
  }
});

/** What a page prints, bundled and run by Node. */
async function printedBy(name: string, program: string): Promise<string> {
  const file = await bundle(user, name, vite(), program);
  writeFileSync(join(dirname(file), "package.json"), `{ "type": "module" }`);
  return run(process.execPath, [file], user.root);
}

test("a page has no interpreter, and says so", async () => {
  const program = `import { config, numpy as np } from "weftjs"; config.tier = "interp";
    try { np.ones([2]); } catch ({ name, message }) { console.log(name, message); }`;
  expect(await printedBy("interp", program)).toMatch(/^WeftValueError config.tier = "interp"/);
});

test.each<[brings: string, uses: string, prints: RegExp]>([
  ["nothing", "", /WeftValueError: asText: .*makeJaxpr/],
  ["makeJaxpr", "makeJaxpr(np.exp);", /^\{ lambda ;/],
])("a page that brings %s prints programs accordingly", async (brings, uses, prints) => {
  const look = `console.log(jit((x) => np.exp(x)).lower(np.ones([2])).asText().slice(0, 10));`;
  const program = `import { jit, makeJaxpr, numpy as np } from "weftjs"; ${uses}
    try { ${look} } catch (e) { console.log(String(e)); }`;
  expect(await printedBy(`print-${brings}`, program)).toMatch(prints);
});

/** Bytes after gzip that a page loads for jit, grad, lax and ten functions of numpy. */
const LARGEST = 122_000;
test("a page's bundle is small", async () => {
  const ten = ["ones", "zeros", "exp", "log", "sum", "mean", "matmul", "where", "concatenate", "maximum"];
  const program = `import { grad, jit, lax, numpy as np } from "weftjs"; console.log(grad, jit, lax.scan, ${ten.map((f) => `np.${f}`)});`;
  const bytes = gzipSync(readFileSync(await bundle(user, "size", vite(), program))).length;
  console.log(`a page that imports { jit, grad, lax, numpy } loads ${(bytes / 1000).toFixed(1)} kB (gzip)`);
  expect(bytes).toBeLessThan(LARGEST);
});
