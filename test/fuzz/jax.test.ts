/** Random programs: weft against JAX, where there is one. */
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { explain } from "../../fuzz/differences.ts";
import { Jax } from "../../fuzz/jax.ts";
import { programOf } from "../../fuzz/search.ts";
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
