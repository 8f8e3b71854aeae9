/** Random programs: weft against JAX, where there is one. */
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkAgainstJax } from "../../fuzz/check.ts";
import { explain } from "../../fuzz/differences.ts";
import { Jax } from "../../fuzz/jax.ts";
import type { Program } from "../../fuzz/program.ts";
import { programOf } from "../../fuzz/search.ts";
import { EAGER } from "../../fuzz/variants.ts";
import { findJax, LEFT_OUT } from "../../scripts/jax.mjs";
import { expectAgreement, SEED } from "./agreement.ts";

/** A program that is started as Python is. */
function inPlaceOfPython(script: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "weft-")), "python");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test.each([
  ["exec sleep 60", "OracleGivenUp", "JAX took longer than the oracle waits: not compared"],
  ["echo killed >&2; exit 1", "OracleDied", expect.stringMatching(/^XLA itself ends the process/)],
  ["echo 'Traceback: no module named jax' >&2; exit 1", "OracleDied", undefined],
])(
  "a Python that does `%s` is counted by its reason, and one that lacks JAX is a fault",
  async (script, error, reason) => {
    const jax = new Jax(inPlaceOfPython(script), false, 300);
    const program = programOf(SEED, 0, {});
    const answer = await jax.run(program);
    expect(answer).toMatchObject({ error });
    expect(explain(program, { outs: [] }, answer)).toEqual(reason);
  },
);

/** a0 b0 + a1 b1 + a2 b2, of which next to nothing is left. */
const CANCELS: Program = {
  inputs: [
    [0.1, 0.7, -0.8],
    [1, 1, 1],
  ].map((values) => ({ shape: [3], dtype: "float32", values })),
  main: {
    params: [0, 1],
    steps: [{ op: "np.dot", args: [0, 1], params: {}, bodies: [], outs: [2], list: false }],
    outs: [2],
  },
  modes: [],
  x64: false,
};

test.each([
  [1e-7, 0],
  [1e-3, 1],
])(
  "what JAX cannot run with errors on purpose is run with them by weft: %s beside 0 is %i fault",
  async (jaxGives, faults) => {
    const data = Buffer.from(Float32Array.of(jaxGives).buffer).toString("base64");
    const answer = JSON.stringify([{ outs: [{ shape: [], dtype: "float32", weak: false, data }] }]);
    const dying = `while read -r line; do case $line in *seeds*) exit 1;; *) echo '${answer}';; esac; done`;
    const jax = new Jax(inPlaceOfPython(dying), false, 3000);
    const { findings } = await checkAgainstJax(CANCELS, EAGER, jax);
    expect(findings.length).toBe(faults);
    jax.stop();
  },
);

const python = findJax();
if (python === undefined) test(LEFT_OUT, () => console.log(LEFT_OUT));
else {
  test("programs that JAX runs again at the same time keep their own seeds", async () => {
    const jax = new Jax(python, false);
    const program = programOf(SEED, 0, {});
    const seeds = [[], [0.5], [1, 2, 3], [4, 5]];
    const runs = await Promise.all([jax.run(program), ...seeds.map((s) => jax.rerun(program, s))]);
    expect(runs.slice(1).map((r) => (r as unknown[]).length)).toEqual(seeds.map((s) => s.length));
    jax.stop();
  });

  test.each([
    ["float32", false, 1000],
    ["float64", true, 300],
  ] as const)("weft agrees with JAX in %s", async (_, x64, programs) => {
    const jax = new Jax(python, x64);
    await expectAgreement({ programs, x64, jax });
    jax.stop();
  });
}
