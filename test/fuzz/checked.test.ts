/** What is run with all accesses checked finds memory that is overwritten before it has been read. */
import { expect, test, vi } from "vitest";
import { withChecks } from "../../fuzz/checked.ts";
import { jit, type NDArray, numpy as np } from "../../src/index.ts";

const plan = vi.hoisted(() => ({ squeezed: false }));
vi.mock("../../src/compiler/passes/plan.ts", async (original) => {
  const module = await original<typeof import("../../src/compiler/passes/plan.ts")>();
  const planMemory: typeof module.planMemory = (program) => {
    const { offsets, ...rest } = module.planMemory(program);
    return { ...rest, offsets: plan.squeezed ? new Map([...offsets].map(([b]) => [b, 0])) : offsets };
  };
  return { ...module, planMemory };
});

/** Two temporaries are needed at the same time. */
const make = () =>
  jit((x: NDArray) => {
    const [a, b] = [np.cumsum(x), np.sort(x)];
    return np.matmul(np.outer(a, b), np.outer(b, a));
  });
const x = np.array([3, 1, 2]);

test("a plan that puts two arrays in one place is found out, and the right one is not", () => {
  expect(withChecks(() => make()(x)).js()).toEqual(make()(x).js());
  plan.squeezed = true;
  expect(() => withChecks(() => jit((x: NDArray) => make()(x).add(1))(x))).toThrow(/where nothing is stored/);
  plan.squeezed = false;
});
