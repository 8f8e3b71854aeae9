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

/** The sum of three numbers. */
const sumOf = (values: Program["inputs"][number]["values"]): Program => ({
  inputs: [values, [1, 1, 1]].map((v) => ({ shape: [3], dtype: "float32", values: v })),
  main: {
    params: [0, 1],
    steps: [{ op: "np.dot", args: [0, 1], params: {}, bodies: [], outs: [2], list: false }],
    outs: [2],
  },
  modes: [],
  x64: false,
});

/** A JAX that gives this number, and ends when it is asked to put errors into a program. */
function jaxThatGives(x: number): Jax {
  const data = Buffer.from(Float32Array.of(x).buffer).toString("base64");
  const answer = JSON.stringify([{ outs: [{ shape: [], dtype: "float32", weak: false, data }] }]);
  const script = `while read -r line; do case $line in *seeds*) exit 1;; *) echo '${answer}';; esac; done`;
  return new Jax(inPlaceOfPython(script), false, 3000);
}

test.each([
  [1e-7, [0.1, 0.7, -0.8], 0],
  [1e-3, [0.1, 0.7, -0.8], 1],
  [1, ["inf", "-inf", 0], 1],
  [Number.NaN, ["inf", "-inf", 0], 0],
  [Number.NaN, [1, 2, 3], 1],
] as const)("%s in place of the sum of %j is %i fault", async (jaxGives, values, faults) => {
  const jax = jaxThatGives(jaxGives);
  const { findings } = await checkAgainstJax(sumOf(values), EAGER, jax);
  expect(findings.length).toBe(faults);
  jax.stop();
});

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
