// npm test: types, lint, package checks, every test, then those that run programs again on the other tier and on one thread;
// prints "N passed, N failed" last. Arguments go to vitest and leave the repetitions out.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { browsersLeftOut } from "./browsers.mjs";
import { ensureBuilt, ensureInstalled, root } from "./ensure.mjs";
import { ensureJax, findJax, LEFT_OUT } from "./jax.mjs";
import { ensureToolchains, toolchainsLeftOut } from "./toolchains.mjs";

ensureInstalled();
/** The network does most of it: what needs them not runs meanwhile. */
const toolchains = ensureToolchains();
ensureBuilt();
ensureJax();

const tool = (name, path) => [process.execPath, join(root, "node_modules", name, path)];
const CHECKS = {
  types: [...tool("typescript", "bin/tsc"), "-p", "tsconfig.json"],
  // What users' compilers read must need neither a browser's types nor a recent library.
  declarations: [...tool("typescript", "bin/tsc"), "-p", "tsconfig.declarations.json"],
  lint: [...tool("@biomejs/biome", "bin/biome"), "check", "--error-on-warnings", "."],
  publint: [...tool("publint", "src/cli.js"), "--strict"],
  attw: [...tool("@arethetypeswrong/cli", "dist/index.js"), "--pack", ".", "--profile", "esm-only"],
};

/** Tests that are the same whatever tier and number of threads is set, and why. All others run on each of them. */
const ELSEWHERE = {
  "test/api/bad-values": "is about calls that are refused before there is a program",
  "test/architecture": "reads imports",
  "test/backends/": "run each backend by itself",
  "test/bench/": "is about measuring; what tiers make of operations is compared in test/fuzz",
  "test/faults/": "choose tiers themselves",
  "test/fuzz/": "run every tier themselves",
  "test/goldens/compositions":
    "is about transformations; what tiers make of such programs is compared in test/fuzz",
  "test/package/": "chooses tiers itself",
  "test/runtime/cache": "is about books, and modules of WebAssembly",
  "test/runtime/init": "chooses tiers and threads itself",
  "test/runtime/native": "chooses tiers itself",
  "test/runtime/prune": "files only",
  "test/runtime/threads": "chooses tiers and threads itself",
  "test/runtime/worker": "chooses threads itself",
  "test/sweep/": "is about single operations; what tiers make of each is compared in test/fuzz",
  "test/browser/": "a page has WebAssembly only; its threads have tests of their own",
};
/** Here tests are about data, text, or IR under the interpreter, unless they import the library as its users do. */
const SELDOM = ["test/compiler/", "test/examples/", "test/tree/", "test/util/"];
const same = testFiles().filter(
  (file) => startsWith(file, Object.keys(ELSEWHERE)) || (startsWith(file, SELDOM) && !importsLibrary(file)),
);
const except = (files) => files.flatMap((file) => ["--exclude", file]);
/** Tests of threads, processes and pages that wait for one another: a processor is left to what they start. */
const ALONE = [
  "test/browser/",
  "test/faults/",
  "test/runtime/native",
  "test/runtime/threads",
  "test/runtime/worker",
];
const alone = testFiles().filter((file) => startsWith(file, ALONE));
/** On one thread loops are planned otherwise, and little else: all tiers and threads meet at random programs in test/fuzz. */
const LOOPS = ["test/lax/", "test/nn/", "test/programs", "test/runtime/", "test/transforms/", "test/updates"];
const ALL_PROCESSORS = "--maxWorkers=100%";
/** One folder for both native suites: most programs are the same text for any number of threads and compile once. */
const native = { WEFT_TIER: "native", WEFT_CACHE_DIR: join(root, "node_modules", ".cache", "weft") };
const lacksNative = () => (hasNative() ? undefined : "no C compiler or no koffi");
const SUITES = [
  { name: "wasm", env: {}, args: [ALL_PROCESSORS, ...except(alone)] },
  { name: "wasm, with a processor left free", env: {}, args: ALONE },
  {
    name: "wasm, 1 thread",
    env: { WEFT_THREADS: "1" },
    args: [...LOOPS, ALL_PROCESSORS, ...except(same)],
  },
  {
    name: "native, 1 thread",
    env: { ...native, WEFT_THREADS: "1" },
    args: [...LOOPS, ALL_PROCESSORS, ...except(same)],
    lacks: lacksNative,
  },
  {
    name: "native, 2 threads",
    env: { ...native, WEFT_THREADS: "2" },
    args: [ALL_PROCESSORS, ...except(same)],
    lacks: lacksNative,
  },
  {
    name: "native, compiled by Clang",
    env: { WEFT_CC: "clang" },
    args: ["test/backends/c-emit", "test/runtime/native", "test/runtime/threads"],
    lacks: () => (works("clang") ? undefined : "no clang"),
  },
];
const chosen = process.argv.slice(2);

const total = { passed: 0, failed: 0 };
const failures = [];
const leftOut = [];

for (const [name, [command, ...args]] of Object.entries(CHECKS)) count(check(name, command, args));
await toolchains;
for (const suite of chosen.length > 0 ? [{ name: "wasm", env: {}, args: chosen }] : SUITES) {
  const lack = suite.lacks?.();
  if (lack === undefined) count(runTests(suite));
  else leftOut.push(`left out: tests on ${suite.name} (${lack})`);
}
if (!findJax()) leftOut.push(LEFT_OUT);
leftOut.push(...browsersLeftOut(), ...toolchainsLeftOut());

for (const line of leftOut) console.log(`\n${line}`);
if (failures.length > 0) console.log(`\nfailed:\n${failures.join("\n")}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);

function testFiles() {
  return readdirSync(join(root, "test"), { recursive: true })
    .map((path) => `test/${path.replaceAll("\\", "/")}`)
    .filter((file) => file.endsWith(".test.ts"));
}

function startsWith(file, prefixes) {
  return prefixes.some((prefix) => file.startsWith(prefix));
}

function importsLibrary(file) {
  return /\/src\/(runtime\/)?index\.ts"/.test(readFileSync(join(root, file), "utf8"));
}

function count({ passed, failed }) {
  total.passed += passed;
  total.failed += failed;
}

function check(name, command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) console.log(stdout + stderr);
  console.log(`${status === 0 ? "ok" : "FAILED"}  ${name}`);
  if (status !== 0) failures.push(`  ${name}`);
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Runs vitest and reads its counts. A file that does not even load has no tests to fail, yet vitest exits with an error. */
function runTests({ name, env, args }) {
  console.log(`\ntests on ${name}`);
  const folder = mkdtempSync(join(tmpdir(), "weft-test-"));
  const report = join(folder, "report.json");
  const [node, vitest] = tool("vitest", "vitest.mjs");
  const command = [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { status } = spawnSync(node, [...command, ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  const result = JSON.parse(readFileSync(report, "utf8"));
  rmSync(folder, { recursive: true });
  failures.push(...failedTests(result).map((test) => `  ${name}: ${test}`));
  const unloaded = status !== 0 && result.numFailedTests === 0 ? Math.max(1, result.numFailedTestSuites) : 0;
  return { passed: result.numPassedTests, failed: result.numFailedTests + unloaded };
}

/** File, name and first line of the error of each test that failed: long runs end with them, far from the reports. */
function failedTests({ testResults }) {
  return testResults.flatMap(({ name: file, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    const lines = failed.map(
      ({ fullName, failureMessages }) => `${fullName}: ${firstLine(failureMessages[0])}`,
    );
    if (status === "failed" && failed.length === 0) lines.push(firstLine(message));
    return lines.map((line) => `${relative(root, file)} > ${line}`);
  });
}

function firstLine(text = "") {
  return text.split("\n", 1)[0];
}

function works(compiler) {
  return spawnSync(compiler, ["--version"]).status === 0;
}

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
