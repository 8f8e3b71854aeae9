// npm test: types, lint, package checks, the tests in all of Vitest's projects (projects.mjs);
// prints "N passed, N failed" last. Arguments go to Vitest and leave the repetitions out.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browsersLeftOut } from "./browsers.mjs";
import { ensureBuilt, ensureInstalled, root } from "./ensure.mjs";
import { ensureJax, findJax, LEFT_OUT } from "./jax.mjs";
import { PROJECTS } from "./projects.mjs";
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

/** Tests that are named run once. */
const named = process.argv.slice(2);
const chosen = named.length > 0 ? ["--project", "wasm", "--project", "alone", ...named] : [];

const total = { passed: 0, failed: 0 };
const failures = [];
const leftOut = [];

for (const [name, [command, ...args]] of Object.entries(CHECKS)) count(check(name, command, args));
await toolchains;
count(runTests(chosen));
for (const { name, lacks } of PROJECTS) {
  const lack = lacks?.();
  if (lack) leftOut.push(`left out: tests of the project ${name} (${lack})`);
}
if (!findJax()) leftOut.push(LEFT_OUT);
leftOut.push(...browsersLeftOut(), ...toolchainsLeftOut());

for (const line of leftOut) console.log(`\n${line}`);
if (failures.length > 0) console.log(`\nfailed:\n${failures.join("\n")}`);
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
  if (status !== 0) failures.push(`  ${name}`);
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Runs Vitest and reads what it counted. */
function runTests(chosen) {
  const folder = mkdtempSync(join(tmpdir(), "weft-test-"));
  const path = join(folder, "tally.json");
  const [node, vitest] = tool("vitest", "vitest.mjs");
  const reporters = ["--reporter=default", `--reporter=${join(root, "scripts", "tally.mjs")}`];
  const { status } = spawnSync(node, [vitest, "run", ...reporters, ...chosen], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, WEFT_TALLY: path, WEFT_TEST_BUILT: "1" },
  });
  const tally = existsSync(path)
    ? JSON.parse(readFileSync(path, "utf8"))
    : { passed: 0, failed: 0, failures: [] };
  rmSync(folder, { recursive: true });
  failures.push(...tally.failures);
  if (status === 0 || tally.failed > 0) return tally;
  failures.push("  vitest did not end well: see above");
  return { ...tally, failed: 1 };
}
