/** Passes over updates: what they make of small programs, as text and as memory, and that values stay what they were. */
import { afterEach, describe, expect, test } from "vitest";
import { prepare } from "../../src/compiler/prepare.ts";
import { PASS_NAMES } from "../../src/compiler/switches.ts";
import {
  checkpoint,
  config,
  disableJit,
  grad,
  jit,
  lax,
  makeJaxpr,
  numpy as np,
  vmap,
} from "../../src/index.ts";
import { UPDATE_PASSES, type UpdatePass } from "../../src/transforms/updates/index.ts";
import { expectClose } from "../support/close.ts";

type A = np.Array;
type F = (x: A, ...more: A[]) => A;

const filled = (shape: readonly number[]): A =>
  np.sin(np.arange(shape.reduce((p, q) => p * q, 1)).mul(1.7)).reshape(shape);
const ints = (...values: number[]): A => np.array(values, { dtype: "int32" });

const after = (pass: UpdatePass, f: F, ...args: A[]): string => {
  const { jaxpr } = makeJaxpr(f as never)(...(args as never[]));
  return `\n${prepare(jaxpr, { off: PASS_NAMES.filter((name) => ![pass, "cse", "dce"].includes(name)) })}\n`;
};
/** Bytes of temporaries of a compiled program. */
const temporaries = (f: F, ...args: A[]): number =>
  jit(f)
    .lower(...(args as [A]))
    .cost().arenaBytes;

afterEach(() => {
  config.disable = [];
});

const [STEPS, ROWS, WIDTH] = [24, 500, 4];
const blend = (c: A, x: A): A => np.tanh(c.mul(0.9).add(x));
const loop = (body: (i: A, c: A) => A, init: A, steps = STEPS): A => lax.foriLoop(0, steps, body, init);
const zero = (): A => np.array(0);
const picks = ints(...Array.from({ length: STEPS }, (_, i) => (7 * i) % 40));

/** Loops that read a part of x in every step. */
const READERS: Readonly<Record<string, readonly [f: F, shape: readonly number[]]>> = {
  "an element": [(x) => loop((i, c) => blend(c, x.slice(i)), zero()), [ROWS]],
  "a row": [(x) => loop((i, c) => blend(c, x.slice(i)), np.zeros([WIDTH])).sum(), [ROWS, WIDTH]],
  "a row by take": [
    (x) => lax.scan((c: A, i: A) => [blend(c, np.take(x, i, 0)), null], np.zeros([WIDTH]), picks)[0].sum(),
    [ROWS, WIDTH],
  ],
  "rows that repeat": [
    (x) =>
      lax
        .scan(
          (c: A, i: A) => [blend(c, np.take(x, np.stack([i, i, i.add(1)]), 0)), null],
          np.zeros([3, WIDTH]),
          picks,
        )[0]
        .sum(),
    [ROWS, WIDTH],
  ],
  "an element of two axes": [
    (x) => loop((i, c) => blend(c, x.slice(i, i.mod(WIDTH))), zero()),
    [ROWS, WIDTH],
  ],
  "one per column": [
    (x) =>
      loop(
        (i, c) => blend(c, np.takeAlongAxis(x, np.full([1, WIDTH], i), 0).reshape([WIDTH])),
        np.zeros([WIDTH]),
      ).sum(),
    [ROWS, WIDTH],
  ],
  "a window": [(x) => loop((i, c) => blend(c, lax.dynamicSlice(x, [i], [5])), np.zeros([5])).sum(), [ROWS]],
  "two elements": [
    (x) => loop((i, c) => np.tanh(c.mul(x.slice(i)).add(x.slice(i.mul(2)))), np.array(0.1)),
    [ROWS],
  ],
  "in a loop in a loop": [
    (x) => loop((j, c) => loop((i, d) => blend(d, x.slice(i.add(j.mul(5)))), c, 5), zero(), 6),
    [ROWS],
  ],
  "in a loop whose ys are read": [
    (x) =>
      lax
        .scan(
          (c: A, j: A) => {
            const [d, ys] = lax.scan(
              (e: A, i: A) => {
                const next = blend(e, x.slice(i.add(j.mul(5))));
                return [next, next.mul(e)];
              },
              c,
              ints(0, 1, 2, 3, 4),
            );
            return [d, ys.sum()];
          },
          zero(),
          ints(0, 1, 2, 3, 4, 5),
        )[1]
        .sum(),
    [ROWS],
  ],
  "in one branch": [
    (x) =>
      loop(
        (i, c) =>
          lax.cond(
            i.mod(3).equal(0),
            (c: A) => blend(c, x.slice(i)),
            (c: A) => c.mul(0.5),
            c,
          ),
        zero(),
      ),
    [ROWS],
  ],
  "in some branches": [
    (x) =>
      loop(
        (i, c) =>
          lax.switch(
            i.mod(3),
            [(c: A) => blend(c, x.slice(i)), (c: A) => c.mul(x.slice(i)), (c: A) => c.neg()],
            c,
          ),
        np.array(0.2),
      ),
    [ROWS],
  ],
  "without a carry": [
    (x) => lax.map((i: A) => np.tanh(x.slice(i)).mul(x.slice(i.mul(2))), picks).sum(),
    [ROWS],
  ],
  "mapped over the array": [
    (x) => vmap((column: A) => loop((i, c) => blend(c, column.slice(i)), zero()), { inAxes: 1 })(x).sum(),
    [ROWS, WIDTH],
  ],
  "mapped over the place": [
    (x) => vmap((o: A) => loop((i, c) => blend(c, x.slice(i.add(o))), zero()))(ints(0, 1, 2)).sum(),
    [ROWS],
  ],
  "mapped over both": [
    (x) =>
      vmap((o: A, column: A) => loop((i, c) => blend(c, column.slice(i.add(o))), zero()), { inAxes: [0, 1] })(
        ints(0, 1, 2, 3),
        x,
      ).sum(),
    [ROWS, WIDTH],
  ],
  "computed again on the way back": [
    (x) => loop((i, c) => checkpoint((c: A, i: A) => blend(c, x.slice(i)))(c, i) as A, zero()),
    [ROWS],
  ],
  "and the whole array outside": [
    (x) =>
      loop((i, c) => blend(c, x.slice(i)), x.slice(2))
        .mul(x.sum())
        .add(x.slice(4)),
    [ROWS],
  ],
  "of the transpose": [
    (x) => loop((i, c) => blend(c, lax.dynamicIndexInDim(x.T, i, 1, false)), np.zeros([WIDTH])).sum(),
    [ROWS, WIDTH],
  ],
  "of the array in another shape": [
    (x) => loop((i, c) => blend(c, x.reshape([-1]).slice(i)), zero()),
    [ROWS, WIDTH],
  ],
  "at a place that is known": [
    (x) => loop((_, c) => np.tanh(c.mul(x.slice(3)).add(x.slice(5))), np.zeros([WIDTH])).sum(),
    [ROWS, WIDTH],
  ],
  "at places that are known and are not": [
    (x) => loop((i, c) => np.tanh(c.mul(x.slice(3)).add(x.slice(i))), np.array(0.3)),
    [ROWS],
  ],
  "of the transpose, in a loop in a loop": [
    (x) =>
      loop(
        (j, c) => loop((i, d) => blend(d, lax.dynamicIndexInDim(x.T, i.add(j.mul(5)), 1, false)), c, 5),
        np.zeros([WIDTH]),
        6,
      ).sum(),
    [ROWS, WIDTH],
  ],
  "and the sum of all": [(x) => loop((i, c) => blend(c, x.slice(i)).add(x.sum().mul(0.01)), zero()), [ROWS]],
  "differentiated twice": [
    (x) => (grad((v: A) => loop((i, c) => blend(c, v.slice(i)), zero()))(x) as A).mul(x).sum(),
    [ROWS],
  ],
};

describe("a gradient of a loop that reads a part in every step", () => {
  test.each(Object.entries(READERS))("%s", (_, [f, shape]) => {
    const x = filled(shape);
    const g = grad(f) as F;
    const value = jit(g)(x);
    const bytes = temporaries(g, x);
    config.disable = ["accumulate"];
    expectClose(value, jit(g)(x), 2e-6);
    expectClose(
      value,
      disableJit(() => g(x)),
      2e-6,
    );
    // One array like x per step is what it would take without the pass, at least.
    expect(bytes).toBeLessThan((STEPS * x.size * 4) / 4);
  });

  test("memory does not grow with the array times the steps", () => {
    const bytes = (n: number): number =>
      temporaries(grad((x: A) => loop((i, c) => blend(c, x.slice(i)), zero(), n)) as F, np.zeros([n]));
    expect(bytes(4000)).toBeLessThan(2.1 * bytes(2000));
  });
});

test.each([0, 1, 2])(
  "both operands of branch %i are one array, whose gradient begins with something else",
  (k) => {
    const f = (x: A, i: A): A => {
      const kept = (a: A, _b: A): A => a;
      const y = lax.switch(i, [kept, (_a: A, b: A) => b, (_a: A, b: A) => np.tanh(b)], x, x) as A;
      return x.sum().mul(0.5).add(y.sum().mul(4));
    };
    const x = filled([4]);
    const g = grad(f as F) as F;
    expectClose(
      jit(g)(x, ints(k).slice(0)),
      disableJit(() => g(x, ints(k).slice(0))),
    );
  },
);

test.each([0, 3])("a gradient that is added to a box as large as the array, of size %i", (n) => {
  const f = (x: A, i: A): A => lax.dynamicSlice(x, [i, 0], [n, 1]).mul(2).sum().add(x.mul(x).sum());
  const args = [filled([n, 1]), ints(0).slice(0)] as const;
  const g = grad(f as F) as F;
  expectClose(
    jit(g)(...args),
    disableJit(() => g(...args)),
  );
});

test("accumulate", () => {
  const f = (s: A, x: A, i: A): A => s.add(np.zeros([6]).at(i).set(x));
  expect(
    after("accumulate", f, np.zeros([6]), np.array(1), np.array(2, { dtype: "int32" })),
  ).toMatchInlineSnapshot(`
    "
    { lambda ; a:f32[6] b:f32[] c:i32[]. let
        d:f32[] = convert_element_type[new_dtype=float32 weak_type=False] b
        e:bool[] = lt c 0:i32[]
        f:i32[] = add c 6:i32[]
        g:i32[] = select_n e c f
        h:i32[1] = broadcast_in_dim g
        i:f32[6] = scatter-add[
          dimension_numbers={updateWindowDims=(), insertedWindowDims=(0,), scatterDimsToOperandDims=(0,)}
          mode=fill
          unique_indices=True
        ] a h d
      in (i,) }
    "
  `);
});

test("accumulate: a sum before a linear map", () => {
  const f = (us: A): A =>
    lax.scan((s: A, u: A) => [s.add(lax.pad(u, 0, [[2, 3, 0]])), null], np.zeros([6]), us)[0];
  expect(after("accumulate", f, np.zeros([4, 1]))).toMatchInlineSnapshot(`
    "
    { lambda ; a:f32[4,1]. let
        b:f32[1] = broadcast_in_dim 0.0:f32[]
        c:f32[1] = scan[
          jaxpr={ lambda ; d:f32[1] e:f32[1]. let f:f32[1] = add_any d e in (f,) }
          length=4
          num_carry=1
          num_consts=0
          reverse=False
          unroll=1
        ] b a
        g:f32[6] = pad[padding_config=((2, 3, 0),)] c 0.0:f32[]
      in (g,) }
    "
  `);
});

test("a product beside a row that is read keeps being a sum over time", () => {
  const f = (x: A): A =>
    lax
      .scan(
        (c: A, i: A) => {
          const h = blend(c, np.take(x, i, 0));
          return [h, np.tanh(np.matmul(x, h)).sum()];
        },
        np.zeros([WIDTH]),
        picks,
      )[1]
      .sum();
  const { jaxpr } = makeJaxpr(grad(f))(filled([ROWS, WIDTH]));
  const { eqns } = prepare(jaxpr);
  const kinds = eqns
    .slice(eqns.findLastIndex((e) => e.primitive.kind === "loop"))
    .map((e) => e.primitive.kind);
  expect(kinds).toContain("contract");
});

test("mask", () => {
  const f = (p: A, x: A, v: A, i: A): A => np.where(p, lax.dynamicUpdateSlice(x, v, [i]), x);
  const args = [np.array(true), np.zeros([6]), np.zeros([2]), np.array(2, { dtype: "int32" })] as const;
  expect(after("mask", f, ...args)).toMatchInlineSnapshot(`
    "
    { lambda ; a:bool[] b:f32[6] c:f32[2] d:i32[]. let
        e:bool[] = lt d 0:i32[]
        f:i32[] = add d 6:i32[]
        g:i32[] = select_n e d f
        h:f32[2] = dynamic_slice[slice_sizes=(2,)] b g
        i:f32[2] = select_n a h c
        j:f32[6] = dynamic_update_slice b i g
      in (j,) }
    "
  `);
});

test("mask: a choice that the mask broadcasts is no update", () => {
  const f = (p: A, x: A): A => vmap((q: A) => lax.select(q, x, x))(p);
  expect(jit(f)(np.array([true, false, true]), 7).js()).toEqual([7, 7, 7]);
  const g = (p: A, x: A): A => lax.selectN(p, x, x.at(0).add(1));
  expect(jit(vmap(g, [0, null]))(np.array([true, false]), np.array([1, 2])).js()).toEqual([
    [2, 2],
    [1, 2],
  ]);
});

/** Choices between an array and updates of it, by a condition of any shape. */
const CHOICES: Readonly<Record<string, (p: A, x: A, i: A) => A>> = {
  set: (p, x, i) => np.where(p, x.at(i).set(7), x),
  "set, otherwise": (p, x, i) => np.where(p, x, x.at(i).set(7)),
  add: (p, x, i) => np.where(p, x.at(i).add(7), x),
  "add to several, some twice": (p, x, i) => np.where(p, x.at(np.stack([i, i, i.add(1)])).add(7), x),
  "set several, some twice": (p, x, i) =>
    np.where(p, x.at(np.stack([i, i, i.add(1)])).set(ints(1, 2, 3).astype(x.dtype)), x),
  mul: (p, x, i) => np.where(p, x.at(i).mul(7), x),
  max: (p, x, i) => np.where(p, x.at(i).max(0.5), x),
  min: (p, x, i) => np.where(p, x.at(i).min(0.5), x),
  "out of bounds": (p, x, i) => np.where(p, x.at(i.add(100)).set(7), x),
  "a window": (p, x, i) => np.where(p, lax.dynamicUpdateSlice(x, [1, 2, 3], [i]), x),
  "a window that is moved inside": (p, x, i) =>
    np.where(p, lax.dynamicUpdateSlice(x, [1, 2, 3], [i.add(8)]), x),
  "of what is there": (p, x, i) => np.where(p, x.at(i).set(x.slice(i).mul(2).add(x.slice(0))), x),
  "two after one another": (p, x, i) => np.where(p, x.at(i).set(7).at(i.add(1)).add(2), x),
  "on both sides": (p, x, i) => np.where(p, x.at(i).set(7), x.at(i).add(3).at(0).set(1)),
  "of one update": (p, x, i) => {
    const y = x.at(2).set(5);
    return np.where(p, y.at(i).set(7), y.at(0).add(1));
  },
};
const MASKS: Readonly<Record<string, A>> = {
  true: np.array(true),
  false: np.array(false),
  mixed: np.array([1, 0, 0, 1, 1, 0, 1, 0, 1, 1]).greater(0),
};

describe("a choice between an array and an update of it", () => {
  const x = np.array([0.5, -0, 3, Number.NaN, -1, 2, Number.POSITIVE_INFINITY, 0, 4, -5]);
  const rows = Object.keys(CHOICES).flatMap((name) =>
    Object.keys(MASKS).flatMap((mask) => [0, 3, 9].map((i) => [name, mask, i] as const)),
  );
  test.each(rows)("%s, %s, at %i", (name, mask, at) => {
    const [f, p, i] = [CHOICES[name]!, MASKS[mask]!, np.array(at, { dtype: "int32" })];
    const chosen = jit(f)(p, x, i).js() as number[];
    // Object.is: -0 and NaN are kept where nothing is written.
    expect(chosen).toEqual(disableJit(() => f(p, x, i)).js());
    expect(after("mask", f, p, x, i)).not.toMatch(/select_n \S+ \S+ \S+\n *in/);
  });

  test.each(Object.keys(CHOICES))("in a loop, %s: no copy of the array", (name) => {
    const n = 5000;
    const steps = (x: A): A => loop((i, c) => CHOICES[name]!(i.mod(2).equal(0), c, i), x);
    // The loop's own array is the result; what is read before it is written is small.
    expect(temporaries(steps as F, np.zeros([n]))).toBeLessThan(4 * n);
    expectClose(
      jit(steps)(x),
      disableJit(() => steps(x)),
    );
  });

  test("per example of a batch", () => {
    const f = (p: A, x: A, i: A): A =>
      lax.cond(
        p,
        (x: A) => x.at(i).set(7),
        (x: A) => x,
        x,
      );
    const args = [ints(1, 0, 1).greater(0), filled([3, 100]), ints(1, 2, 99)] as const;
    expectClose(jit(vmap(f))(...args), vmap(f)(...args));
  });
});

/** Loops that write an element of x now and then. */
const WRITERS: Readonly<Record<string, (x: A) => A>> = {
  "in one branch": (x) =>
    loop(
      (i, c) =>
        lax.cond(
          i.mod(2).equal(0),
          (c: A) => c.at(i).set(7),
          (c: A) => c,
          c,
        ),
      x,
    ),
  "in branches, differently": (x) =>
    loop(
      (i, c) =>
        lax.switch(
          i.mod(3),
          [(c: A) => c.at(i).set(c.slice(i).mul(2)), (c: A) => c, (c: A) => c.at(i).add(1).at(0).mul(3)],
          c,
        ),
      x,
    ),
  "of two arrays, one in each branch": (x) => {
    const [p, q] = lax.foriLoop(
      0,
      8,
      (i, [p, q]) =>
        lax.cond(
          i.mod(2).equal(0),
          (p: A, q: A): [A, A] => [p.at(i).set(q.slice(0)), q],
          (p: A, q: A): [A, A] => [p, q.at(i).set(p.slice(0))],
          p,
          q,
        ),
      [x, x.mul(2)],
    );
    return p.add(q);
  },
  "while a condition holds": (x) =>
    lax.whileLoop(
      ([i]) => i.less(8),
      ([i, c]) => [
        i.add(1),
        lax.cond(
          i.mod(2).equal(0),
          (c: A) => c.at(i).set(7),
          (c: A) => c,
          c,
        ),
      ],
      [0, x] as [number, A],
    )[1],
  "in a loop in a loop": (x) =>
    loop((j, c) => loop((i, d) => d.at(i.add(j)).set(i.astype("float32")), c, 3), x, 3),
  "in a while loop in a loop": (x) =>
    loop(
      (j, c) =>
        lax.whileLoop(
          ([i]) => i.less(j),
          ([i, d]) => [
            i.add(1),
            lax.cond(
              i.equal(1),
              (d: A) => d.at(i).add(1),
              (d: A) => d,
              d,
            ),
          ],
          [0, c] as [number, A],
        )[1],
      x,
      4,
    ),
};

describe("a loop that writes an element now and then copies nothing", () => {
  test.each(Object.entries(WRITERS))("%s", (name, f) => {
    const n = 5000;
    // The loop's own array is the result, but not when two arrays are summed after it.
    const own = name.includes("two arrays") ? 2 : 0;
    expect(temporaries(f as F, np.zeros([n]))).toBeLessThan(4 * n * (own + 1));
    const x = filled([10]);
    expectClose(
      jit(f)(x),
      disableJit(() => f(x)),
    );
  });
});

test("there is a test for each pass", () => {
  expect(Object.keys(UPDATE_PASSES)).toEqual(["accumulate", "mask"]);
});
