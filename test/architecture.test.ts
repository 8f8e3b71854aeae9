/** The house rules of ARCHITECTURE.md: which folder may import which, no cycles, nobody imports the index. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { aliases } from "../scripts/aliases.mjs";

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), "../src");

/** What each folder may import besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  util: [],
  platform: ["util"],
  tree: ["util"],
  core: ["util", "tree"],
  transforms: ["util", "tree", "core"],
  scalars: ["core"],
  lax: ["util", "tree", "core", "transforms", "scalars"],
  numpy: ["util", "tree", "core", "lax"],
  random: ["util", "tree", "core", "lax", "numpy"],
  nn: ["util", "tree", "core", "lax", "numpy", "random"],
  optim: ["util", "tree", "core", "lax", "numpy"],
  io: ["util", "tree", "core", "lax", "numpy", "platform"],
  compiler: ["util", "platform", "core", "transforms", "scalars"],
  backends: ["util", "core", "scalars", "compiler"],
  devices: ["util", "platform", "core", "compiler", "backends"],
  api: ["util", "tree", "core", "transforms", "lax", "numpy", "devices"],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));

const IMPORT = /^\s*(import|export)\s+(type\s+)?(?:[^"';]*?from\s+)?"((?:\.|#)[^"]+)"/gm;
/** Modules of which pages have others: arrows are those of Node's, which import more. */
const ALIASES = aliases("node", SRC, "ts");

const textOf = (file: string): string => readFileSync(join(SRC, file), "utf8");

function importsOf(file: string): Import[] {
  return [...textOf(file).matchAll(IMPORT)].map((m) => {
    const to = relative(SRC, ALIASES[m[3]!] ?? resolve(SRC, dirname(file), m[3]!));
    const names = /\{([^}]*)\}/.exec(m[0])?.[1];
    const allTypes = names?.split(",").every((n) => n.trim() === "" || n.trim().startsWith("type ")) ?? false;
    return { from: file, to, typeOnly: Boolean(m[2]) || allTypes };
  });
}

/** Files and folders that never reach a browser: everything else uses them through `#platform` and `#tiers`. */
const NODE_FILES = ["platform/node.ts", "platform/files.ts", "devices/cpu/node/", "devices/cpu/native/"];
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
    expect(cyclesAmong(imports.filter((i) => !i.typeOnly))).toEqual([]);
  });

  // An equation has a primitive, whose rules are about arrays and lower with an interface that takes programs of equations.
  test("types lead in circles in the core only", () => {
    expect(cyclesAmong(imports)).toEqual([
      ["array", "device", "jaxpr", "lowering", "methods", "placement", "primitive", "trace"].map(
        (f) => `core/${f}.ts`,
      ),
    ]);
  });
});

function grouped(arrows: readonly Import[]): Map<string, Import[]> {
  const found = new Map<string, Import[]>();
  for (const i of arrows) found.set(i.from, [...(found.get(i.from) ?? []), i]);
  return found;
}

/** Folders whose exports are no public names. */
const INNER = [
  "util",
  "platform",
  "tree",
  "core",
  "transforms",
  "scalars",
  "compiler",
  "backends",
  "devices",
];
const EXPORT = /^export (?:abstract )?(?:class|interface|type|function\*?|const|let|async function) (\w+)/gm;
const NAMES = /^(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s+from/gm;

/** All names that some file takes from another one, by whatever name it knows them. */
function importedNames(): Set<string> {
  const root = dirname(SRC);
  const all = ["src", "test", "fuzz", "bench"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((f) => f.endsWith(".ts"))
      .map((f) => readFileSync(join(root, folder, f), "utf8")),
  );
  const names = all.flatMap((text) => [...text.matchAll(NAMES)].flatMap((m) => m[1]!.split(",")));
  return new Set(
    names.map(
      (name) =>
        name
          .trim()
          .replace(/^type /, "")
          .split(" as ")[0]!,
    ),
  );
}

test("what is exported is imported somewhere", () => {
  const imported = importedNames();
  const whole = new Set(
    files.flatMap((file) =>
      [
        ...textOf(file).matchAll(/import \* as \w+ from "(\.[^"]+)"|export \* (?:as \w+ )?from "(\.[^"]+)"/g),
      ].map((m) => relative(SRC, resolve(SRC, dirname(file), m[1] ?? m[2]!))),
    ),
  );
  const needless = files
    .filter(
      (file) =>
        INNER.includes(folder(file)) && !whole.has(file) && !/-(?:node|browser)\.ts$|^platform/.test(file),
    )
    .flatMap((file) => [...textOf(file).matchAll(EXPORT)].map((m) => `${file} ${m[1]}`))
    .filter((found) => !imported.has(found.split(" ")[1]!));
  expect(needless).toEqual([]);
});

/** Files that reach one another, in groups (Tarjan). */
function cyclesAmong(arrows: readonly Import[]): string[][] {
  const next = grouped(arrows);
  const [index, low, stack, groups] = [
    new Map<string, number>(),
    new Map<string, number>(),
    [] as string[],
    [] as string[][],
  ];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const { to } of next.get(file) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file)!, low.get(to)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) groups.push(group.sort());
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return groups;
}
