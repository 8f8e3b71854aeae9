/**
 * Random programs: weft's ways to run them against each other, and against JAX where there is one. The programs are the same at every
 * run while longer searches still find disagreements (about one in a thousand programs when they were last counted), which would
 * fail runs that have nothing to do with them; `npm run fuzz` searches elsewhere, as do `FUZZ_SEED` and, for more programs, `FUZZ_TIMES` here.
 */
import { expect, test, vi } from "vitest";
import type { Finding } from "../../fuzz/check.ts";
import { Jax } from "../../fuzz/jax.ts";
import { asFile } from "../../fuzz/report.ts";
import { programOf, type SearchOptions, search } from "../../fuzz/search.ts";
import { findJax, LEFT_OUT } from "../../scripts/jax.mjs";

const SEED = Number(process.env["FUZZ_SEED"] ?? 2026);
const TIMES = Number(process.env["FUZZ_TIMES"] ?? 1);
vi.setConfig({ testTimeout: 600_000 * TIMES });

/** Of so many elements that are compared, at most one may say nothing. */
const KNOWN = 50;

async function expectAgreement(options: Omit<SearchOptions, "seed">): Promise<void> {
  const found: Finding[] = [];
  const totals = await search({ seed: SEED, ...options, onFinding: (_, finding) => found.push(finding) });
  console.log(
    `seed ${SEED}: ${totals.programs} programs, ${totals.elements} elements, ${totals.unknown} unknown`,
  );
  expect(found.map(asFile).join("\n\n")).toBe("");
  expect(totals.unknown * KNOWN).toBeLessThanOrEqual(totals.elements);
  expect(totals.refused * 10).toBeLessThan(totals.programs);
}

test("weft agrees with itself", () => expectAgreement({ programs: 200 * TIMES }));
test("weft agrees with itself in float64", () => expectAgreement({ programs: 50 * TIMES, x64: true }));

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
    ["float32", false, 100 * TIMES],
    ["float64", true, 50 * TIMES],
  ] as const)("weft agrees with JAX in %s", async (_, x64, programs) => {
    const jax = new Jax(python, x64);
    await expectAgreement({ programs, x64, jax });
    jax.stop();
  });
}
