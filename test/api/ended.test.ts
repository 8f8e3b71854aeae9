/** A function that is ended from outside while it is traced, by the timeout of Node's `vm`, leaves nothing behind. */
import vm from "node:vm";
import { afterEach, expect, test, vi } from "vitest";
import {
  disableJit,
  explain,
  grad,
  jit,
  jvp,
  lax,
  makeJaxpr,
  type NDArray,
  numpy as np,
  vmap,
} from "../../src/index.ts";

const x = np.array([1, 2, 3]);
const endless = (y: NDArray): NDArray => {
  for (;;) y = np.sin(y);
};
const sum = (y: NDArray): NDArray => np.sum(endless(y));

afterEach(() => vi.unstubAllGlobals());

test.each<[name: string, run: () => unknown]>([
  ["jit", () => jit(endless)(x)],
  ["grad", () => grad(sum)(x)],
  ["grad of jit", () => grad(jit(sum))(x)],
  ["jvp", () => jvp(endless, [x], [x])],
  ["vmap with a named axis", () => vmap(endless, { axisName: "i" })(x)],
  ["makeJaxpr", () => makeJaxpr(endless)(x)],
  ["explain", () => explain(endless)(x)],
  ["scan", () => lax.scan((c: NDArray, y: NDArray) => [endless(c), y] as const, x, x)],
  ["disableJit", () => disableJit(() => jit(vmap(endless, { axisName: "i" }))(x))],
])("%s", async (_, run) => {
  const decisions = explain((y: NDArray) => np.sin(y).add(1))(x).decisions;
  vi.stubGlobal("run", run);
  expect(() => vm.runInThisContext("run()", { timeout: 100 })).toThrow(/timed out/);
  await Promise.resolve();
  expect(np.add(x, 1).js()).toEqual([2, 3, 4]);
  expect(jit((y: NDArray) => y.mul(2))(x).js()).toEqual([2, 4, 6]);
  expect(grad((y: NDArray) => np.sum(y.mul(y)))(x).js()).toEqual([2, 4, 6]);
  expect(() => lax.psum(x, "i")).toThrow(/unbound axis name/i);
  expect(explain((y: NDArray) => np.sin(y).add(1))(x).decisions).toEqual(decisions);
  let traces = 0;
  const counted = jit((y: NDArray) => {
    traces++;
    return y.add(1);
  });
  for (let i = 0; i < 2; i++) counted(x);
  expect(traces, "jit is on").toBe(1);
});
