/** What TypeScript infers for loops; checked by the compiler, not at run time. */
import { expectTypeOf, test } from "vitest";
import type { NDArray } from "../../../src/index.ts";
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
