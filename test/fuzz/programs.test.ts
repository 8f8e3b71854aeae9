/**
 * Fresh random programs at every run: weft's ways to run them against each other, and against JAX where there is one. `FUZZ_SEED`
 * repeats a run, `FUZZ_SECONDS` makes it longer; `npm run fuzz` searches for as long as one likes.
 */
import { expect, test, vi } from "vitest";
import type { Finding } from "../../fuzz/check.ts";
import { Jax } from "../../fuzz/jax.ts";
import { asFile } from "../../fuzz/report.ts";
import { type SearchOptions, search } from "../../fuzz/search.ts";
import { findJax, LEFT_OUT } from "../../scripts/jax.mjs";

const SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1e9);
const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 40);
vi.setConfig({ testTimeout: 4000 * SECONDS + 120_000 });

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

test("weft agrees with itself", () => expectAgreement({ programs: 3000, seconds: SECONDS }));
test("weft agrees with itself in float64", () =>
  expectAgreement({ programs: 500, seconds: SECONDS / 4, x64: true }));

const python = findJax();
if (python === undefined) test(LEFT_OUT, () => console.log(LEFT_OUT));
else
  test.each([
    ["float32", false, 3000, SECONDS],
    ["float64", true, 1000, SECONDS / 2],
  ] as const)("weft agrees with JAX in %s", async (_, x64, programs, seconds) => {
    const jax = new Jax(python, x64);
    await expectAgreement({ programs, seconds, x64, jax });
    jax.stop();
  });
