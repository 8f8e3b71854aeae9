// npm test: types, lint, package checks, then every test; prints "N passed, N failed" last.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findChromium, LEFT_OUT } from "./chromium.mjs";
import { ensureBuilt, ensureInstalled, root } from "./ensure.mjs";

ensureInstalled();
ensureBuilt();

const bin = (name, path) => [process.execPath, [join(root, "node_modules", name, path)]];
const checks = [
  ["types", ...bin("typescript", "bin/tsc"), ["-p", "tsconfig.json"]],
  ["lint", ...bin("@biomejs/biome", "bin/biome"), ["check", "--error-on-warnings", "."]],
  ["publint", ...bin("publint", "src/cli.js"), ["--strict"]],
  ["attw", ...bin("@arethetypeswrong/cli", "dist/index.js"), ["--pack", ".", "--profile", "esm-only"]],
];

let passed = 0;
let failed = 0;
for (const [name, command, program, args] of checks) {
  const { status, stdout, stderr } = spawnSync(command, [...program, ...args], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) console.log(stdout + stderr);
  console.log(`${status === 0 ? "ok" : "FAILED"}  ${name}`);
  status === 0 ? passed++ : failed++;
}

const folder = mkdtempSync(join(tmpdir(), "weft-test-"));
const report = join(folder, "report.json");
const [node, vitest] = bin("vitest", "vitest.mjs");
const args = [
  ...vitest,
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
];
const { status } = spawnSync(node, args, { cwd: root, stdio: "inherit" });
const result = JSON.parse(readFileSync(report, "utf8"));
rmSync(folder, { recursive: true });
passed += result.numPassedTests;
failed += result.numFailedTests;
// A file that does not even load has no tests to fail, yet vitest exits with an error.
if (status !== 0 && result.numFailedTests === 0) failed += Math.max(1, result.numFailedTestSuites);

if (!findChromium()) console.log(`\n${LEFT_OUT}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
