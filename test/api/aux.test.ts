/** hasAux: the second result of a function passes its transformation untouched. */
import { expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { grad, jit, jvp, linearize, valueAndGrad, vjp, vmap } from "../../src/index.ts";
import { asArray } from "../../src/lax/index.ts";
import * as np from "../../src/numpy/index.ts";

const x = asArray([1, 2, 3]);
/** The sum of squares; aux holds arrays that depend on x, one of integers, and things that are no arrays. */
const f = (v: NDArray) =>
  [np.sum(np.square(v)), { half: np.divide(v, 2), order: np.argmax(v), note: "text" }] as const;

const expectAux = (aux: { half: NDArray; order: NDArray; note?: string }): void => {
  expect(aux.half.js()).toEqual([0.5, 1, 1.5]);
  expect(aux.order.item()).toBe(2);
};

test("grad and valueAndGrad", () => {
  const [slope, aux] = grad(f, { hasAux: true })(x);
  expect(slope.js()).toEqual([2, 4, 6]);
  expectAux(aux);
  expect(aux.note).toBe("text");
  const [[value, again], same] = valueAndGrad(f, { hasAux: true })(x);
  expect([value.item(), same.js()]).toEqual([14, [2, 4, 6]]);
  expectAux(again);
});

test("vjp, jvp and linearize", () => {
  const [out, back, fromVjp] = vjp(f, [x], { hasAux: true });
  expect([out.item(), back(1)[0].js()]).toEqual([14, [2, 4, 6]]);
  expectAux(fromVjp);
  const [, tangent, fromJvp] = jvp(f, [x], [asArray([1, 0, 0])], { hasAux: true });
  expect(tangent.item()).toBe(2);
  expectAux(fromJvp);
  const [, push, fromLinearize] = linearize(f, [x], { hasAux: true });
  expect(push(asArray([0, 1, 0])).item()).toBe(4);
  expectAux(fromLinearize);
});

test("inside of jit and vmap aux are values of the outer function, not leaked tracers", () => {
  const both = (v: NDArray): { half: NDArray; slope: NDArray } => {
    const [slope, { half }] = grad(f, { hasAux: true })(v);
    return { half, slope };
  };
  expect(jit(both)(x).half.js()).toEqual([0.5, 1, 1.5]);
  expect(
    vmap(both)(
      asArray([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ).half.js(),
  ).toEqual([
    [0.5, 1, 1.5],
    [2, 2.5, 3],
  ]);
});

test("an outer derivative sees aux as a function of its input", () => {
  // d/dv of (d/dv v² with aux 3v) · aux = 2v · 3v = 6v², so its slope is 12v.
  const inner = (v: NDArray) => [np.square(v), np.multiply(v, 3)] as const;
  const outer = (v: NDArray): NDArray => {
    const [slope, aux] = grad(inner, { hasAux: true })(v);
    return np.multiply(slope, aux);
  };
  expect((grad(outer)(2) as NDArray).item()).toBe(24);
});
