/** The house rules of ARCHITECTURE.md: which folder may import which, no cycles, nobody imports the index. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), "../src");

/** What each folder may import besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  util: [],
  tree: ["util"],
  core: ["util", "tree"],
  transforms: ["util", "tree", "core"],
  scalars: ["core"],
  lax: ["util", "tree", "core", "transforms", "scalars"],
  numpy: ["util", "tree", "core", "lax"],
  random: ["util", "tree", "core", "lax", "numpy"],
  nn: ["util", "tree", "core", "lax", "numpy", "random"],
  optim: ["util", "tree", "core", "lax", "numpy"],
  io: ["util", "tree", "core", "lax", "numpy", "devices"],
  compiler: ["util", "core", "transforms", "scalars"],
  backends: ["util", "core", "scalars", "compiler"],
  devices: ["util", "core", "compiler", "backends"],
  api: ["util", "tree", "core", "transforms", "lax", "numpy", "devices"],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));

const IMPORT = /^\s*(import|export)\s+(type\s+)?(?:[^"';]*?from\s+)?"(\.[^"]+)"/gm;

const textOf = (file: string): string => readFileSync(join(SRC, file), "utf8");

function importsOf(file: string): Import[] {
  return [...textOf(file).matchAll(IMPORT)].map((m) => {
    const to = relative(SRC, resolve(SRC, dirname(file), m[3]!));
    const names = /\{([^}]*)\}/.exec(m[0])?.[1];
    const allTypes = names?.split(",").every((n) => n.trim() === "" || n.trim().startsWith("type ")) ?? false;
    return { from: file, to, typeOnly: Boolean(m[2]) || allTypes };
  });
}

/** Files and folders that never reach a browser: everything else uses them through `#platform`. */
const NODE_FILES = ["devices/platform-node.ts", "devices/node/", "devices/cpu/node/", "devices/cpu/native/"];
const NODE_GLOBALS =
  /(?<![.\w$])(?:process\s*(?:\?\.|[.[])|require\(\s*"|(?:setImmediate|__dirname|__filename)\b)|\bBuffer\s*\.\s*(?:from|alloc|concat|byteLength)/;
/** Modules that are neither files of the library nor `#platform`. */
const FOREIGN_IMPORT =
  /^\s*import\s+(?:[^"';=(]*\bfrom\s+)?["'](?![.#])|^\s*export\s[^"';=(]*\bfrom\s+["'](?![.#])|\bimport\(\s*["'](?![.#])/m;
const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/.*$/gm;
const STRINGS = /"(?:[^"\\\n]|\\.)*"/g;

function usesNode(text: string): boolean {
  const code = text.replace(COMMENTS, "");
  return FOREIGN_IMPORT.test(code) || NODE_GLOBALS.test(code.replace(STRINGS, '""'));
}

const imports = files.flatMap(importsOf);
const folder = (file: string): string => (file.includes("/") ? file.split("/")[0]! : "");

describe("architecture", () => {
  test("the imports were read", () => {
    expect(imports.length).toBeGreaterThan(2 * files.length);
    expect(imports.filter((i) => i.typeOnly).length).toBeGreaterThan(0);
    expect(imports.every((i) => files.includes(i.to))).toBe(true);
  });

  test("every folder is known", () => {
    expect([...new Set(files.map(folder))].filter((f) => f !== "" && !(f in MAY_IMPORT))).toEqual([]);
  });

  test("arrows between folders point one way", () => {
    const wrong = imports.filter(({ from, to }) => {
      const [a, b] = [folder(from), folder(to)];
      return a !== "" && a !== b && !MAY_IMPORT[a]!.includes(b);
    });
    expect(wrong.map((i) => `${i.from} -> ${i.to}`)).toEqual([]);
  });

  test("what only Node has stays in the files for Node", () => {
    const offenders = files.filter(
      (file) => !NODE_FILES.some((f) => file.startsWith(f)) && usesNode(textOf(file)),
    );
    expect(offenders).toEqual([]);
  });

  test.each<[string, boolean]>([
    ["process.env.X", true],
    ['const fs = require("fs");', true],
    ['import fs from "node:fs";', true],
    ['await import("node:fs")', true],
    ['import koffi from "koffi";', true],
    ["x = Buffer.from(bytes);", true],
    ["setImmediate(done)", true],
    ["interface Buffer { readonly id: number }", false],
    ["// process.env is Node's", false],
    ['const host = "process";', false],
    ["this.process(x)", false],
    ['import { env } from "#platform";', false],
  ])("what only Node has is recognised in %s", (code, expected) => {
    expect(usesNode(code)).toBe(expected);
  });

  test("nothing imports the index", () => {
    expect(imports.filter((i) => i.to === "index.ts").map((i) => i.from)).toEqual([]);
  });

  test("no cycles", () => {
    const next = new Map<string, string[]>();
    for (const i of imports) if (!i.typeOnly) next.set(i.from, [...(next.get(i.from) ?? []), i.to]);
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (done.has(file) || path.includes(file)) return;
      for (const to of next.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
