/** Random programs that change arrays in place inside of loops: compiled and one operation at a time they are the same. */
import fc from "fast-check";
import { afterEach, test, vi } from "vitest";
import { checked } from "../fuzz/checked.ts";
import type { NDArray } from "../src/core/array.ts";
import { executors, setExecutor } from "../src/devices/index.ts";
import { config, disableJit, grad, jit, numpy as np, vmap } from "../src/index.ts";
import { expectClose } from "./support/close.ts";
import { filled } from "./support/random-program.ts";
import { type Body, INPUTS, run, updatingProgram } from "./support/random-updates.ts";

type A = NDArray;
type F = (...xs: A[]) => A[];
/** More programs, and others, for a longer search: `PROGRAM_RUNS=500 PROGRAM_SEED=7 npx vitest run test/updates.test.ts`. */
const RUNS = Number(process.env["PROGRAM_RUNS"] ?? 12);
const SEED = Number(process.env["PROGRAM_SEED"] ?? 2026);
vi.setConfig({ testTimeout: 120_000 + 5_000 * RUNS });

let properties = 0;
function forPrograms(backwards: boolean, check: (f: F) => void): void {
  const property = fc.property(updatingProgram(backwards), (body: Body) => check((...xs) => run(body, xs)));
  fc.assert(property, { numRuns: RUNS, seed: SEED + properties++ });
}

/** The ways to run a program: as machine code, as it was lowered, and as it is after all passes. */
const WAYS = [undefined, executors.interp, checked];

afterEach(() => {
  setExecutor(undefined);
  config.disable = [];
});

function expectSame(f: (...xs: A[]) => unknown, args: readonly A[], want: unknown): void {
  for (const way of WAYS) {
    setExecutor(way);
    expectClose(jit(f)(...args), want, 1e-4);
  }
  // Where every array has memory of its own nothing can be overwritten.
  config.disable = ["history", "inPlace"];
  expectClose(jit(f)(...args), want, 1e-4);
  config.disable = [];
  setExecutor(undefined);
}
const stepwise = <T>(f: (...xs: A[]) => T, args: readonly A[]): T => disableJit(() => f(...args));

test("values", () => {
  const args = filled(INPUTS, 1, "float32");
  forPrograms(false, (f) => expectSame(f, args, stepwise(f, args)));
});

const total =
  (f: F) =>
  (...xs: A[]): A =>
    f(...xs)
      .map((x, i) => x.sum().mul(i + 0.5))
      .reduce((a, b) => a.add(b));

test("gradients", () => {
  const args = filled(INPUTS, 2, "float32");
  forPrograms(true, (f) => {
    const g = grad(total(f), { argnums: [0, 1, 2] }) as unknown as F;
    expectSame(g, args, stepwise(g, args));
  });
});

test("mapped", () => {
  const args = filled(INPUTS, 3, "float32", [3]);
  const lane = (k: number): A[] => args.map((x) => x.slice(k));
  forPrograms(false, (f) => {
    const lanes = [0, 1, 2].map((k) => stepwise(f, lane(k)));
    const want = lanes[0]!.map((_, i) => np.stack(lanes.map((outs) => outs[i]!)));
    expectSame(vmap(f), args, want);
  });
});
