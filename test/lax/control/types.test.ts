/** What TypeScript infers for loops. What it refuses fails when it runs, too. */
import { describe, expect, expectTypeOf, test } from "vitest";
import type { NDArray, tree } from "../../../src/index.ts";
import { lax, numpy as np } from "../../../src/index.ts";

type A = NDArray;
const a = np.array(1);

interface State {
  w: A;
  h: [A, A];
}

test("scan keeps the user's own types of carry and ys", () => {
  const [c, ys] = lax.scan(([h, k], x: A) => [[k, h], { sum: h.add(x) }], [a, a], np.ones([3]));
  expectTypeOf(c).toEqualTypeOf<[A, A]>();
  expectTypeOf(ys).toEqualTypeOf<{ sum: A }>();
  const init: State = { w: a, h: [a, a] };
  const [state] = lax.scan((s: State) => [{ w: s.w, h: s.h }, null], init, null, { length: 2 });
  expectTypeOf(state).toMatchTypeOf<State>();
  const [counter] = lax.scan((i) => [i.add(1), null], 0, null, { length: 2 });
  expectTypeOf(counter).toEqualTypeOf<A>();
});

test("a carry of another structure does not compile", () => {
  const wrong = (): unknown =>
    // @ts-expect-error: the body returns one part of two
    lax.scan(([h, _k]) => [[h], null], [a, a], null, { length: 1 });
  const missing = (): unknown =>
    // @ts-expect-error: the body drops a key
    lax.scan((s) => [{ h: s.h }, null], { h: a, c: a }, null, { length: 1 });
  expectTypeOf(wrong).toBeFunction();
  expectTypeOf(missing).toBeFunction();
});

describe("plain numbers and lists", () => {
  const xs = np.arange(3);
  const inline = lax.scan((c, x) => [np.add(c, x), c], 0, xs);
  const list = (c: A, x: A) => [np.add(c, x), c];
  const pair = (c: A, x: A): [A, A] => [np.add(c, x), c];
  const wide = (c: np.ArrayLike, x: np.ArrayLike) => [np.add(c, x), c];
  const numbers = (c: A | number, x: A | number) => [np.add(c, x), c];
  const generic = <T extends A>(c: T, x: A) => [np.add(c, x), c];
  const parts = (c: A, [x, y]: [A, A]) => [c.add(x), { y }];
  function declared(c: A, x: A) {
    return [np.add(c, x), c];
  }
  /** Every row compiles with a number for the carry. */
  const sums: Record<string, [A, unknown]> = {
    "an inline body": inline,
    "one that returns a list, for TypeScript": lax.scan(list, 0, xs),
    "one that returns a pair": lax.scan(pair, 0, xs),
    "one for whatever stands for an array": lax.scan(wide, 0, xs),
    "one for numbers, too": lax.scan(numbers, 0, xs),
    "a generic one": lax.scan(generic, 0, xs),
    "a function declaration": lax.scan(declared, 0, xs),
    "xs of a typed array": lax.scan(list, 0, new Float32Array([0, 1, 2])),
    "xs of a list, of a body elsewhere": lax.scan(parts, 0, [xs, xs]),
    "xs of a list of arrays": lax.scan((c, [x, [y]]) => [c.add(x), y], 0, [xs, [new Int32Array(3)]]),
  };
  test.each(Object.entries(sums))("%s", (_, [sum]) => expect(sum.item()).toBe(3));

  const swap = ([a, [b]]: [A, [A]], x: A) => [[b.add(x), [a]], x];
  const rows = (c: A[][], x: A) => [c.map((row) => row.map((e) => e.add(x))), x];
  const named = ({ n, h }: { n: A; h: A[] }, x: A) => [{ n, h: h.map((e) => e.add(x)) }, n];
  const each = (_: A, c: A[][]) => c.map((row) => row.map((e) => e.add(1)));
  /** Lists in lists, tuples to TypeScript as far as literals go; what bodies return may be lists to it. */
  const carries: Record<string, [unknown, unknown]> = {
    "tuples in tuples": [lax.scan(([a, [b]], x) => [[b, [a.add(x)]], x], [0, [1]], xs)[0], [2, [2]]],
    "of a body elsewhere": [lax.scan(swap, [0, [1]], xs)[0], [3, [1]]],
    "in objects": [lax.scan(({ s: [a, b] }, x) => [{ s: [b, a] }, x], { s: [0, 1] }, xs)[0], { s: [1, 0] }],
    "rows that are mapped": [
      lax.scan((c, x) => [c.map((row) => row.map((e) => e.add(x))), x], [[0], [1, 2]], xs)[0],
      [[3], [4, 5]],
    ],
    "and by a body elsewhere": [lax.scan(rows, [[0], [1, 2]], xs)[0], [[3], [4, 5]]],
    "lists in objects": [lax.scan(named, { n: 0, h: [1, 2] }, xs)[0], { n: 0, h: [4, 5] }],
    "of foriLoop": [lax.foriLoop(0, 3, each, [[0], [1, 2]]), [[3], [4, 5]]],
    "of whileLoop": [
      lax.whileLoop(
        ([n]) => n.less(3),
        ([n, [k]]) => [n.add(1), [k]],
        [0, [1]],
      ),
      [3, [1]],
    ],
  };
  const values = (of: unknown): unknown =>
    JSON.parse(JSON.stringify(of, (_, x) => (x instanceof np.Array ? x.js() : x)));
  test.each(Object.entries(carries))("%s", (_, [made, wanted]) => expect(values(made)).toEqual(wanted));

  test("keep their structure in what comes out", () => {
    const [[a, [b]], { y }] = lax.scan(([a, [b]], x) => [[b, [a]], { y: [x, [a]] }], [0, [1]], xs);
    expectTypeOf([a, b]).toEqualTypeOf<A[]>();
    expectTypeOf(y).toEqualTypeOf<[A, [A]]>();
    expect([a.item(), b.item(), y[1][0].js()]).toEqual([1, 0, [0, 1, 0]]);
  });

  test("have no axis to scan over", () => {
    const refused: (() => unknown)[] = [
      // @ts-expect-error
      () => lax.scan((c, x) => [np.add(c, x), c], 0, [1, 2]),
      // @ts-expect-error
      () => lax.scan(list, 0, [1, 2]),
      // @ts-expect-error
      () => lax.scan(wide, 0, [1, 2]),
      // @ts-expect-error
      () => lax.scan((c) => [c, c], 0, [[1, 2]]),
      // @ts-expect-error
      () => lax.scan((c) => [c, c], 0, 5),
      // @ts-expect-error
      () => lax.scan((c) => [c, c], 0, { x: xs, n: 3 }),
      // @ts-expect-error
      () => lax.map((x) => x, [true]),
      () => lax.scan((c) => [c, c], 0, [1, 2] as np.ArrayLike),
    ];
    for (const scan of refused) expect(scan).toThrow(/no leading axis/);
  });

  test("pass as far as is not known: in functions for any tree", () => {
    const over = <X>(xs: X, f: (x: tree.MapTree<X, A>) => A) =>
      lax.scan((c, x) => [c.add(f(x)), c], 0, xs)[0];
    const run = <C, X>(f: (c: tree.MapTree<C, A>, x: A) => tree.MapTree<C, A>, init: C, xs: X) =>
      lax.scan((c) => [f(c, one), null], init, [xs])[0];
    const one = np.array(1);
    expect(over({ xs }, ({ xs }) => xs).item()).toBe(3);
    expect(run(({ n }, x) => ({ n: n.add(x) }), { n: 0 }, xs).n.item()).toBe(3);
  });

  test("of other structure do not fit", () => {
    const short = ([a]: [A, [A]], x: A): [[A, A], A] => [[a, a], x];
    const fewer = (c: A[][], x: A): [[A[]], A] => [[c[0]!], x];
    // @ts-expect-error: an array where the carry has a list
    expect(() => lax.scan(short, [0, [1]], xs)).toThrow(/carry/);
    // @ts-expect-error: one row of two
    expect(() => lax.scan(fewer, [[0], [1]], xs)).toThrow(/carry/);
    // @ts-expect-error
    expect(() => lax.scan(({ s: [a, b] }, x) => [{ s: [a, [b]] }, x], { s: [0, 1] }, xs)).toThrow(/carry/);
  });
});
