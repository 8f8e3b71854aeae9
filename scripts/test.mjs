// npm test: types, lint, package checks, every test, then the numeric tests again on the other tiers and thread counts;
// prints "N passed, N failed" last. Arguments go to vitest and leave the repetitions out.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findChromium, LEFT_OUT } from "./chromium.mjs";
import { ensureBuilt, ensureInstalled, root } from "./ensure.mjs";

ensureInstalled();
ensureBuilt();

const tool = (name, path) => [process.execPath, join(root, "node_modules", name, path)];
const CHECKS = {
  types: [...tool("typescript", "bin/tsc"), "-p", "tsconfig.json"],
  lint: [...tool("@biomejs/biome", "bin/biome"), "check", "--error-on-warnings", "."],
  publint: [...tool("publint", "src/cli.js"), "--strict"],
  attw: [...tool("@arethetypeswrong/cli", "dist/index.js"), "--pack", ".", "--profile", "esm-only"],
};

/** Tests of what programs compute: they must agree wherever and with however many threads they run. */
const NUMERIC = ["test/goldens", "test/lax/control", "test/transforms", "test/nn", "test/programs"];
/** Native code costs a run of the C compiler per program, so single operations are left to the backend's own tests there. */
const COMPILED = [
  "test/goldens/models",
  "test/goldens/control",
  "test/lax/control",
  "test/transforms",
  "test/programs",
];
const nativeCache = join(root, "node_modules", ".cache", "weft");
const SUITES = [
  { name: "wasm", env: {}, files: process.argv.slice(2) },
  { name: "wasm, 1 thread", env: { WEFT_THREADS: "1" }, files: NUMERIC },
  ...[1, 2].map((n) => ({
    name: `native, ${n} thread${n > 1 ? "s" : ""}`,
    env: { WEFT_TIER: "native", WEFT_THREADS: String(n), WEFT_CACHE_DIR: nativeCache },
    files: COMPILED,
    needs: hasNative,
  })),
];

const total = { passed: 0, failed: 0 };
const leftOut = [];

for (const [name, [command, ...args]] of Object.entries(CHECKS)) count(check(name, command, args));
for (const suite of process.argv.length > 2 ? SUITES.slice(0, 1) : SUITES) {
  if (suite.needs && !suite.needs())
    leftOut.push(`left out: tests on ${suite.name} (no C compiler or no koffi)`);
  else count(runTests(suite));
}
if (!findChromium()) leftOut.push(LEFT_OUT);

for (const line of leftOut) console.log(`\n${line}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);

function count({ passed, failed }) {
  total.passed += passed;
  total.failed += failed;
}

function check(name, command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) console.log(stdout + stderr);
  console.log(`${status === 0 ? "ok" : "FAILED"}  ${name}`);
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Runs vitest and reads its counts. A file that does not even load has no tests to fail, yet vitest exits with an error. */
function runTests({ name, env, files }) {
  console.log(`\ntests on ${name}`);
  const folder = mkdtempSync(join(tmpdir(), "weft-test-"));
  const report = join(folder, "report.json");
  const [node, vitest] = tool("vitest", "vitest.mjs");
  const args = [
    vitest,
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...files,
  ];
  const { status } = spawnSync(node, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  const result = JSON.parse(readFileSync(report, "utf8"));
  rmSync(folder, { recursive: true });
  const unloaded = status !== 0 && result.numFailedTests === 0 ? Math.max(1, result.numFailedTestSuites) : 0;
  return { passed: result.numPassedTests, failed: result.numFailedTests + unloaded };
}

/** Whether programs can be compiled and loaded as native code here. */
function hasNative() {
  const compilers = [process.env.WEFT_CC, "cc", "gcc", "clang"].filter(Boolean);
  if (!compilers.some((cc) => spawnSync(cc, ["--version"]).status === 0)) return false;
  try {
    createRequire(import.meta.url).resolve("koffi");
    return true;
  } catch {
    return false;
  }
}
