import { describe, expect, test } from "vitest";
import { OutOfMemoryError, WeftValueError } from "../../../src/core/errors.ts";
import { lower } from "../../../src/devices/cpu/backend.ts";
import { checkResults, planWithin } from "../../../src/devices/cpu/fit.ts";
import { checkpoint, grad, jit, lax, makeJaxpr, type NDArray, numpy as np } from "../../../src/index.ts";

const MIB = 2 ** 20;

/** The jaxpr of the gradient of a loop of 64 sines over 1 MiB, and its program. */
const sines = (step: (c: NDArray) => NDArray) => {
  const loss = (x: NDArray) =>
    lax.scan((c: NDArray, _: null) => [step(c), null], x, null, { length: 64 })[0].sum();
  const { jaxpr } = makeJaxpr(grad(loss))(np.zeros([MIB / 4]));
  return { jaxpr, program: lower(jaxpr) };
};

describe("what fits", () => {
  const { jaxpr, program } = sines(np.sin);
  const plan = (limit: number) => planWithin(limit, jaxpr, program, program);

  test("is planned to the last byte", () => {
    const needed = plan(Number.POSITIVE_INFINITY).bytes + MIB;
    expect(plan(needed).bytes + MIB).toBe(needed);
    expect(() => plan(needed - 1)).toThrow(OutOfMemoryError);
  });

  test("what does not is named by the user's operations and shapes, the largest first, with a remedy", () => {
    const error = () => plan(10 * MIB);
    expect(error).toThrow(
      /Out of memory: this needs \d+\.\d MiB at one time, and there are 10\.0 MiB at most/,
    );
    expect(error).toThrow(
      "64.0 MiB: float32[64,262144] of scan, stored step by step for the loop that runs backwards (a residual)",
    );
    expect(error).toThrow("Use checkpoint around the body of the loop");
  });

  test("the remedy for other programs is another one", () => {
    const { jaxpr } = makeJaxpr((x: NDArray) => np.sort(np.outer(x, x)).sum())(np.ones([1000]));
    const program = lower(jaxpr);
    const error = () => planWithin(MIB, jaxpr, program, program);
    expect(error).toThrow("Compute on smaller pieces");
    expect(error).not.toThrow("checkpoint");
  });

  test("results alone may be too much", () => {
    const { jaxpr } = makeJaxpr((x: NDArray) => [np.outer(x, x), x.add(1)])(np.ones([1024]));
    expect(() => checkResults(jaxpr, 5 * MIB)).not.toThrow();
    expect(() => checkResults(jaxpr, 4 * MIB)).toThrow("4.0 MiB: float32[1024,1024], a result of mul");
  });

  test("loops count in 32 bits", () => {
    const long = (n: number) => makeJaxpr(() => np.ones([n]).sum())().jaxpr;
    const plan = (jaxpr: ReturnType<typeof long>) => planWithin(MIB, jaxpr, lower(jaxpr), lower(jaxpr));
    expect(() => plan(long(2 ** 31 - 1))).not.toThrow();
    expect(() => plan(long(2 ** 31))).toThrow(WeftValueError);
  });
});

test("checkpoint is a remedy", () => {
  const once = sines(np.sin);
  const again = sines((c) => checkpoint((x: NDArray) => np.sin(np.sin(np.sin(x))))(c));
  const bytes = ({ jaxpr, program }: typeof once): number =>
    planWithin(2 ** 32, jaxpr, program, program).bytes;
  expect(bytes(again)).toBeLessThan(1.1 * bytes(once));
});

test("a program that was refused can be run when it has become smaller", () => {
  const f = jit((x: NDArray) => np.outer(x, x));
  expect(() => f(np.ones([100_000]))).toThrow(OutOfMemoryError);
  expect(f(np.ones([2])).js()).toEqual([
    [1, 1],
    [1, 1],
  ]);
});
