// A reporter of Vitest that counts what passed and failed in all projects. A file that does not even load has no tests to fail: it
// counts as one.
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { root } from "./ensure.mjs";

export default class Tally {
  onTestRunEnd(modules, errors) {
    const tally = { passed: 0, failed: 0, failures: [] };
    for (const module of modules) add(tally, module);
    for (const error of errors) fail(tally, "outside of tests", error);
    writeFileSync(process.env.WEFT_TALLY, JSON.stringify(tally));
  }
}

function add(tally, module) {
  const where = `${module.project.name}: ${relative(root, module.moduleId)}`;
  const before = tally.failed;
  for (const test of module.children.allTests()) {
    const { state, errors } = test.result();
    if (state === "passed") tally.passed++;
    if (state === "failed") fail(tally, `${where} > ${test.fullName}`, errors[0]);
  }
  if (module.state() === "failed" && tally.failed === before) fail(tally, where, module.errors()[0]);
}

function fail(tally, what, error) {
  tally.failed++;
  tally.failures.push(`  ${what}: ${String(error?.message ?? error).split("\n", 1)[0]}`);
}
