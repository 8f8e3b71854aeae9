/** JavaScript's own control flow: on values that are known while only derivatives are taken, as Python's under `jax.grad`. */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { ConcretizationTypeError, UnexpectedTracerError, WeftTypeError } from "../../src/core/errors.ts";
import {
  customJvp,
  customVjp,
  grad,
  hessian,
  jacfwd,
  jit,
  jvp,
  lax,
  linearize,
  numpy as np,
  vjp,
  vmap,
} from "../../src/index.ts";
import { expectClose } from "../support/close.ts";

type A = NDArray;
const two = (x: A): boolean => x.item() > 0;
const steep = (x: A): A => (two(x) ? x.mul(2) : x.mul(3));
const squares = (x: A): A => {
  let y = x;
  while (y.item() < 10) y = y.mul(y);
  return y;
};
/** Rules with derivatives of their own: it shows whose were used. */
const byJvp = customJvp(steep, ([x], [t]) => [byJvp(x), t.mul(two(x) ? 7 : 8)]) as (x: A) => A;
const byVjp = customVjp(
  steep,
  (x: A) => [byVjp(x), two(x)],
  (positive: A, ct: A) => [ct.mul(np.where(positive, 10, 20))],
) as (x: A) => A;

describe("under derivatives", () => {
  const cases: Record<string, [got: () => A, want: number]> = {
    "grad, a branch": [() => grad(steep)(1.5), 2],
    "grad, the other branch": [() => grad(steep)(-1.5), 3],
    "grad, a loop": [() => grad(squares)(1.5), 8 * 1.5 ** 7],
    "grad of grad": [() => grad(grad((x: A) => steep(x).mul(x).mul(x)))(1.5), 18],
    "an intermediate value": [() => grad((x: A) => steep(x.mul(x).sub(10)))(2), 12],
    hessian: [() => hessian((x: A) => steep(x).mul(x))(1.5), 4],
    jacfwd: [() => jacfwd(squares)(1.5), 8 * 1.5 ** 7],
    jvp: [() => jvp(steep, [-1], [2])[1], 6],
    vjp: [() => vjp(steep, [-1])[1](np.array(2))[0], 6],
    linearize: [() => linearize(steep, [-1])[1](np.array(2)), 6],
    "of a jitted function's result": [() => grad((x: A) => steep(jit(np.sin)(x)))(0), 3],
    "customJvp, whose function": [() => grad(byJvp)(1.5), 7],
    "customJvp, whose rule": [() => grad(byJvp)(-1.5), 8],
    "customJvp, twice": [() => grad(grad((x: A) => byJvp(x).mul(x)))(1.5), 14],
    "customJvp, forwards": [() => jvp(byJvp, [1.5], [1])[1], 7],
    customVjp: [() => grad(byVjp)(1.5), 10],
    "customVjp, twice": [() => grad(grad((x: A) => byVjp(x).mul(x)))(1.5), 20],
    "of an argument that has no derivative": [() => grad((x: A, y: A) => byVjp(y).mul(x))(2, 1.5), 3],
    "that a rule's function closes over": [
      () =>
        grad((x: A) =>
          customJvp(
            (y: A) => (two(x) ? y : y.neg()),
            ([y], [t]) => [y, t.mul(5)],
          )(x),
        )(2),
      5,
    ],
  };
  test.each(Object.entries(cases))("%s", (_, [got, want]) => expectClose(got(), want, 1e-6));
});

describe("refused where values are not known", () => {
  const cases: Record<string, () => unknown> = {
    jit: () => jit(steep)(1),
    "jit of grad": () => jit(grad(steep))(1),
    "vmap of grad": () => vmap(grad(steep))(np.array([1, 2])),
    "grad in a scan": () =>
      lax.scan((c: A) => [grad(steep)(c), null] as const, np.array(1), null, { length: 2 }),
    "customJvp under jit": () => jit(grad(byJvp))(1),
    "customVjp under vmap": () => vmap(grad(byVjp))(np.array([1, 2])),
  };
  test.each(Object.entries(cases))("%s", (_, use) => expect(use).toThrow(ConcretizationTypeError));

  test("a function that looks at values may not close over what is differentiated instead of taking it", () => {
    const f = (x: A): A =>
      customJvp(
        (y: A) => (two(y) ? y.mul(x) : y),
        ([y], [t]) => [y, t],
      )(np.array(2)).mul(x);
    expect(() => grad(f)(3)).toThrow(UnexpectedTracerError);
  });
  test("results of rules are still compared with each other", () => {
    const bad = customJvp(steep, ([x], [t]) => [steep(x), np.stack([t, t])]);
    expect(() => grad(bad as (x: A) => A)(1)).toThrow(WeftTypeError);
  });
  test("arithmetic of plain numbers would lose the derivative", () => {
    expect(() => grad((x: A) => x.mul((x as unknown as number) * 2))(1)).toThrow(ConcretizationTypeError);
    expect(() => grad((x: A) => x.mul(x.js() as number))(1)).toThrow(ConcretizationTypeError);
  });
});
