/** Programs print as JAX prints them. */
import { expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { grad, jit, jvp, lax, makeJaxpr, numpy as np, vmap } from "../../src/index.ts";
import { load } from "./load.ts";

type A = NDArray;
// biome-ignore lint/suspicious/noExplicitAny: programs of all signatures stand in one table
type Case = [fn: (...args: any[]) => unknown, ...args: A[]];

const [s, v, m, w] = [np.ones([]), np.ones([3]), np.ones([2, 3]), np.ones([3, 3])] as const;
const i = np.array(1, { dtype: "int32" });
const closed = np.arange(3).astype("float32").mul(2);

const cell = (c: A, x: A): [A, A] => {
  const n = lax.tanh(lax.add(lax.dot(c, w), x));
  return [n, lax.mul(n, x)];
};
const rnn = (h: A, xs: A): [A, A] => lax.scan(cell, h, xs);
const longBody = (start: A, x: A): [A, A] => {
  let c = start;
  for (let k = 0; k < 6; k++) c = lax.mul(lax.sin(c), x);
  return [c, c];
};
const inner = (x: A): A => lax.mul(lax.sin(x), 2);
const loss = (h: A, xs: A): A =>
  lax.reduceSum(lax.scan((c: A, x: A) => [lax.mul(c, x), null] as const, h, xs)[0], [0]);
const twice = jit(inner);

function many(start: A): A {
  let x = start;
  for (let k = 0; k < 30; k++) x = k % 2 ? lax.sin(x) : lax.cos(x);
  return x;
}

const NUMBERS = [
  1e-7,
  1e16,
  1e15,
  0.1,
  1e-4,
  0.5,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
  123456,
];

const CASES: Record<string, Case> = {
  "one equation": [(x: A) => lax.sin(x), s],
  nothing: [(x: A) => x, s],
  "no inputs": [() => 1],
  "a literal": [(x: A) => lax.mul(lax.sin(x), 2), s],
  several: [(x: A, y: A) => [lax.add(x, y), lax.sub(x, y), x], s, s],
  "unused result": [(x: A) => [lax.sin(x), lax.cos(x)][1], s],
  "closed over": [(x: A) => lax.mul(x, closed), v],
  numbers: [(x: A) => NUMBERS.map((c) => lax.mul(x, c)), s],
  integers: [(x: A) => lax.add(lax.mul(x, 3), -1), i],
  comparison: [(x: A, y: A) => lax.select(lax.lt(x, y), x, y), v, v],
  dot: [(x: A, y: A) => lax.dot(x, y), m, w],
  "sum and broadcast": [(x: A) => lax.broadcastInDim(lax.reduceSum(x, [1]), [2, 3], [0]), m],
  shapes: [(x: A) => lax.reshape(lax.transpose(x, [1, 0]), [6]), m],
  slices: [(x: A) => lax.concatenate([lax.slice(x, [0, 1], [2, 3]), lax.rev(x, [1])], 1), m],
  convert: [(x: A) => lax.convertElementType(x, "int32"), v],
  iota: [(x: A) => lax.add(x, lax.iota("float32", 3)), v],
  "integer power": [(x: A) => lax.integerPow(x, 3), s],
  cumulative: [(x: A) => lax.cumsum(x, 1, { reverse: true }), m],
  argmax: [(x: A) => lax.argmax(x, 1), m],
  pad: [
    (x: A) =>
      lax.pad(x, 0, [
        [1, 0, 0],
        [0, 2, 1],
      ]),
    m,
  ],
  dynamic: [(x: A, k: A) => lax.dynamicUpdateSlice(x, lax.dynamicSlice(x, [k], [1]), [k]), v, i],
  clamp: [(x: A) => lax.clamp(0, x, 1), v],
  "more than 26 names": [many, s],
  scan: [rnn, v, m],
  "scan with a long body": [(h: A, xs: A) => lax.scan(longBody, h, xs), s, v],
  "scan reversed without xs": [
    (c: A) => lax.scan((x: A) => [lax.mul(x, 2), null] as const, c, null, { length: 4, reverse: true }),
    s,
  ],
  "nested scan": [
    (h: A, xs: A) => lax.scan((c: A, x: A) => lax.scan(cell, c, x), h, xs),
    v,
    np.ones([4, 2, 3]),
  ],
  while: [
    (x: A) =>
      lax.whileLoop(
        (c: A) => lax.lt(c, 10),
        (c: A) => lax.mul(c, 2),
        x,
      ),
    s,
  ],
  fori: [(x: A) => lax.foriLoop(0, 3, (_, c: A) => lax.mul(c, 2), x), s],
  cond: [
    (p: A, x: A) =>
      lax.cond(
        p,
        (y: A) => lax.sin(y),
        (y: A) => lax.cos(y),
        x,
      ),
    np.array(true),
    s,
  ],
  switch: [(k: A, x: A) => lax.switch(k, [(y: A) => lax.sin(y), (y: A) => lax.cos(y), (y: A) => y], x), i, s],
  map: [(xs: A) => lax.map((x: A) => lax.sin(x), xs), v],
  jit: [(x: A) => lax.add(jit(inner)(x), 1), s],
  "jit twice": [(x: A) => lax.add(twice(x), twice(x)), s],
  "vmap of dot": [(x: A, y: A) => vmap((a: A) => lax.dot(a, y))(x), m, w],
  "vmap of scan": [(hs: A, xs: A) => vmap(rnn, [0, 1])(hs, xs), m, np.ones([4, 2, 3])],
  jvp: [(x: A, t: A) => jvp(lax.tanh, [x], [t]), s, s],
  grad: [(x: A) => grad((y: A) => lax.mul(lax.sin(y), y))(x), s],
  "grad of scan": [(h: A, xs: A) => grad(loss)(h, xs), v, m],
};

const golden = load<{ name: string; text: string }[]>("jaxprs");

test.each(golden.map((row): [string, string] => [row.name, row.text]))("%s", (name, text) => {
  const [fn, ...args] = CASES[name]!;
  expect(String(makeJaxpr(fn)(...args).jaxpr)).toBe(text);
});

test("every program has a golden", () => {
  expect(Object.keys(CASES).sort()).toEqual(golden.map((row) => row.name).sort());
});
