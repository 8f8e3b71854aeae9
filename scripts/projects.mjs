/** The tests as Vitest's projects: one for each tier and number of threads on which programs run again. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "./ensure.mjs";

/** Tests that are the same whatever tier and number of threads is set, and why. All others run on each of them. */
const ELSEWHERE = {
  "test/api/bad-values": "is about calls that are refused before there is a program",
  "test/architecture": "reads imports",
  "test/backends/": "run each backend by itself",
  "test/compiler/": "is about loop IR; what tiers make of it is compared in test/backends and test/fuzz",
  "test/bench/": "is about measuring; what tiers make of operations is compared in test/fuzz",
  "test/docs": "is about what pages say; what tiers make of such programs is compared in test/fuzz",
  "test/examples/cli": "is about files, messages and exit codes",
  "test/faults/": "choose tiers themselves",
  "test/fuzz/": "run every tier themselves",
  "test/goldens/compositions":
    "is about transformations; what tiers make of such programs is compared in test/fuzz",
  "test/lax/compiled": "chooses tiers itself",
  "test/lax/errors": "is about calls that are refused before there is a program",
  "test/lax/ops": "runs by the interpreter; compiled code is compared with it in test/lax/compiled",
  "test/lax/rules": "runs by the interpreter; compiled code is compared with it in test/lax/compiled",
  "test/lax/values": "runs by the interpreter; compiled code is compared with it in test/lax/compiled",
  "test/package/": "chooses tiers itself",
  "test/devices/cpu/cache": "is about books, and modules of WebAssembly",
  "test/devices/cpu/native": "chooses tiers itself",
  "test/devices/cpu/prune": "files only",
  "test/devices/cpu/threads": "chooses tiers and threads itself",
  "test/devices/cpu/worker": "chooses threads itself",
  "test/sweep/": "is about single operations; what tiers make of each is compared in test/fuzz",
  "test/browser/": "a page has WebAssembly only; its threads have tests of their own",
};
/** Here tests are about data or text, unless they import the library as its users do. */
const SELDOM = ["test/examples/", "test/tree/", "test/util/"];
/**
 * Tests of threads, processes and pages that wait for one another: a processor is left to what they start. And those that put
 * something in the place of a module, which only modules that Vitest reads allow.
 */
const ALONE = [
  "test/browser/",
  "test/compiler/order-faults",
  "test/faults/",
  "test/fuzz/checked",
  "test/devices/cpu/native",
  "test/devices/cpu/threads",
  "test/devices/cpu/worker",
];
/**
 * On one thread loops are planned otherwise, and little else. The plan is the same for both tiers, so one of them runs these; all
 * tiers and threads meet at random programs in test/fuzz.
 */
const LOOPS = ["test/lax/", "test/nn/", "test/programs", "test/devices/", "test/transforms/", "test/updates"];
const CLANG = ["test/backends/c-emit", "test/devices/cpu/native", "test/devices/cpu/threads"];

const startsWith = (file, prefixes) => prefixes.some((prefix) => file.startsWith(prefix));

const importsLibrary = (file) => /\/src\/(devices\/)?index\.ts"/.test(readFileSync(join(root, file), "utf8"));

/** Globs, so that a test that is new is found by who watches. */
const ALL = ["test/**/*.test.ts"];
const below = (prefixes) =>
  prefixes.map((prefix) => (prefix.endsWith("/") ? `${prefix}**/*.test.ts` : `${prefix}*.test.ts`));
const importingNothing = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .map((path) => `test/${path.replaceAll("\\", "/")}`)
  .filter((file) => file.endsWith(".test.ts") && startsWith(file, SELDOM) && !importsLibrary(file));
const same = [...below(Object.keys(ELSEWHERE)), ...importingNothing];

const works = (compiler) => spawnSync(compiler, ["--version"]).status === 0;

/** Whether programs can be compiled and loaded as native code here. */
function hasNative() {
  if (![process.env.WEFT_CC, "cc", "gcc", "clang"].some((cc) => cc && works(cc))) return false;
  try {
    createRequire(import.meta.url).resolve("koffi");
    return true;
  } catch {
    return false;
  }
}

const native = { WEFT_TIER: "native", WEFT_CACHE_DIR: join(root, "node_modules", ".cache", "weft") };
const lacksNative = () => (hasNative() ? undefined : "no C compiler or no koffi");

export const PROJECTS = [
  { name: "wasm", env: {}, include: ALL, exclude: below(ALONE), busy: true },
  { name: "alone", env: {}, include: below(ALONE), exclude: [], busy: false },
  { name: "wasm-1", env: { WEFT_THREADS: "1" }, include: below(LOOPS), exclude: same, busy: true },
  {
    name: "native",
    env: { ...native, WEFT_THREADS: "2" },
    include: ALL,
    exclude: same,
    busy: true,
    lacks: lacksNative,
  },
  {
    name: "clang",
    env: { WEFT_CC: "clang" },
    include: below(CLANG),
    exclude: [],
    busy: false,
    lacks: () => (works("clang") ? undefined : "no clang"),
  },
];
