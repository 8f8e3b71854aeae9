/** Random programs: every way to run one gives the same values, and derivatives are those of the function. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { NDArray } from "../src/core/array.ts";
import { executors, setExecutor } from "../src/devices/index.ts";
import { disableJit, grad, jit, jvp, vmap } from "../src/index.ts";
import { expectClose } from "./support/close.ts";
import { anyProgram, INPUTS, inputs, type RandomProgram, run } from "./support/random-program.ts";

type A = NDArray;
/** More programs, and others, for a longer search: `PROGRAM_RUNS=500 PROGRAM_SEED=7 npx vitest run test/programs.test.ts`. */
const RUNS = Number(process.env["PROGRAM_RUNS"] ?? 6);
const SEED = Number(process.env["PROGRAM_SEED"] ?? 2024);
vi.setConfig({ testTimeout: 120_000 + 5_000 * RUNS });

let properties = 0;
/** Every property gets programs of its own. */
function forPrograms(backwards: boolean, check: (program: RandomProgram) => void): void {
  fc.assert(fc.property(anyProgram(backwards), check), { numRuns: RUNS, seed: SEED + properties++ });
}

function interpreted<T>(body: () => T): T {
  setExecutor(executors.interp);
  try {
    return body();
  } finally {
    setExecutor(undefined);
  }
}

test("step by step, eager, jitted and interpreted agree", () => {
  forPrograms(false, (program) => {
    const f = (...xs: A[]): A[] => run(program, xs);
    const args = inputs(1, "float32");
    const expected = interpreted(() => jit(f)(...args));
    expectClose(jit(f)(...args), expected, 2e-5);
    expectClose(f(...args), expected, 2e-5);
    expectClose(
      disableJit(() => f(...args)),
      expected,
      2e-5,
    );
  });
});

test("mapped is a loop over examples", () => {
  forPrograms(false, (program) => {
    const f = (...xs: A[]): A[] => run(program, xs);
    const [many, one] = [inputs(2, "float32", [3]), inputs(3, "float32")];
    for (const axes of [
      [0, 0, 0],
      [null, 0, null],
      [0, null, 0],
    ]) {
      const args = axes.map((axis, i) => (axis === null ? one[i]! : many[i]!));
      const lanes = [0, 1, 2].map((k) => f(...args.map((x, i) => (axes[i] === null ? x : x.slice(k)))));
      const together = jit(vmap(f, axes))(...args) as A[];
      together.forEach((x, i) => lanes.forEach((lane, k) => expectClose(x.slice(k), lane[i], 2e-5)));
    }
  });
});

/** One number from all results of a program. */
const total =
  (program: RandomProgram) =>
  (...xs: A[]): A =>
    run(program, xs)
      .map((x, i) => x.sum().mul(i + 0.5))
      .reduce((a, b) => a.add(b));

/** The slope of f at xs in direction ts by central differences. */
function slope(f: (...xs: A[]) => A, xs: readonly A[], ts: readonly A[]): number {
  const h = 1e-5;
  const at = (s: number): number => f(...xs.map((x, i) => x.add(ts[i]!.mul(s * h)))).item() as number;
  return (at(1) - at(-1)) / (2 * h);
}

test("derivatives are slopes", () => {
  forPrograms(true, (program) => {
    const f = jit(total(program)) as (...xs: A[]) => A;
    const [xs, ts] = [inputs(4, "float64"), inputs(5, "float64")];
    const expected = slope(f, xs, ts);
    expect((jvp(f, xs, ts) as [A, A])[1].item()).toBeCloseTo(expected, 5);
    const gradient = jit(grad(f, { argnums: [0, 1, 2] })) as unknown as (...xs: A[]) => A[];
    const along = (gs: A[]): number =>
      gs.map((g, i) => g.mul(ts[i]!).sum().item() as number).reduce((a, b) => a + b);
    expect(along(gradient(...xs))).toBeCloseTo(expected, 5);
    expectClose(grad(total(program), { argnums: [0, 1, 2] })(...xs), gradient(...xs), 1e-9);
    // Forward over reverse.
    const directional = (...ys: A[]): A =>
      gradient(...ys)
        .map((g, i) => g.mul(ts[i]!).sum())
        .reduce((a, b) => a.add(b));
    expect((jvp(directional, xs, ts) as [A, A])[1].item()).toBeCloseTo(slope(directional, xs, ts), 4);
  });
});

test("gradients of examples are rows of the mapped gradient", () => {
  forPrograms(true, (program) => {
    const gradient = grad(total(program), { argnums: [0, 1, 2] }) as unknown as (...xs: A[]) => A[];
    const many = inputs(6, "float32", [2]);
    const together = jit(vmap(gradient))(...many) as A[];
    for (const k of [0, 1]) {
      const one = gradient(...many.map((x) => x.slice(k)));
      INPUTS.forEach((_, i) => expectClose(together[i]!.slice(k), one[i], 1e-4));
    }
  });
});

test("forward derivatives go through loops of unknown length", () => {
  forPrograms(false, (program) => {
    const f = jit(total(program)) as (...xs: A[]) => A;
    const [xs, ts] = [inputs(7, "float64"), inputs(8, "float64")];
    expect((jvp(f, xs, ts) as [A, A])[1].item()).toBeCloseTo(slope(f, xs, ts), 5);
  });
});
