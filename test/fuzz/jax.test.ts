/** Random programs: weft against JAX, where there is one. */
import { expect, test } from "vitest";
import { Jax } from "../../fuzz/jax.ts";
import { programOf } from "../../fuzz/search.ts";
import { findJax, LEFT_OUT } from "../../scripts/jax.mjs";
import { expectAgreement, SEED } from "./agreement.ts";

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
