/** debug.print and debug.callback: what is printed, when, and how often (JAX: debugging_primitives_test.py). */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { NDArray } from "../../../src/core/array.ts";
import { debug, disableJit, grad, jit, jvp, lax, numpy as np, vmap } from "../../../src/index.ts";

type A = NDArray;
let lines: string[] = [];
beforeEach(() => {
  lines = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
});
/** The lines that running `f` prints. */
function printed(f: () => unknown): string[] {
  lines = [];
  f();
  return lines;
}
const int = (x: number): A => np.array(x, { dtype: "int32" });
const show = (x: A, name = "x"): void => debug.print(`${name}: {x}`, { x });

describe("formats", () => {
  test.each<[string, Record<string, unknown>, string]>([
    ["x: {x}", { x: np.array(2.5) }, "x: 2.5"],
    ["{a} {b} {a}", { a: int(1), b: int(2) }, "1 2 1"],
    ["{x:.2f}", { x: np.array(1.2345) }, "1.23"],
    ["[{x:>8.3f}]", { x: np.array(1.2345) }, "[   1.235]"],
    ["[{x:<5d}]", { x: int(42) }, "[42   ]"],
    ["[{x:05d}]", { x: int(42) }, "[00042]"],
    ["{x:e}", { x: np.array(12345) }, "1.234500e+04"],
    ["{x:.1%}", { x: np.array(0.25) }, "25.0%"],
    ["{{literal}} {x}", { x: int(1) }, "{literal} 1"],
    ["{x}", { x: np.array([1, 2]) }, String(np.array([1, 2]))],
    ["{x}", { x: { b: int(1), a: [int(2), int(3)] } }, "{'a': [2, 3], 'b': 1}"],
    ["{i} {x}", { i: 3, x: 1.5 }, "3 1.5"],
    ["nothing to see", {}, "nothing to see"],
  ])("%s", (format, values, expected) => {
    expect(printed(() => debug.print(format, values as never))).toEqual([expected]);
    expect(printed(() => jit(() => debug.print(format, values as never) ?? 0)())).toEqual([expected]);
  });
  test("faults", () => {
    expect(() => debug.print("{y}", { x: 1 })).toThrow(
      "debug.print: the format has a placeholder {y} but no value of that name was given (given: x).",
    );
    expect(() => debug.print("{y}", {})).toThrow("(given: none)");
    expect(() => debug.print("constant", { x: 1 })).toThrow("the value x is not used in the format");
    expect(() => debug.callback(7 as never)).toThrow(
      "debug.callback: the first argument must be a function, got 7.",
    );
  });
});

const SCAN = (xs: A): A =>
  lax.scan(
    (c: A, x: A) => {
      show(c, "carry");
      show(x);
      return [c.add(1), c.add(x)] as const;
    },
    int(0),
    xs,
  )[1];

describe("inside of loops and branches", () => {
  const two = np.array([5, 6], { dtype: "int32" });
  test.each([1, 2, 4])("scan prints in order, unroll %i", (unroll) => {
    const f = jit(
      (xs: A) =>
        lax.scan(
          (c: A, x: A) => {
            show(x);
            return [c, null] as const;
          },
          int(0),
          xs,
          { unroll },
        )[0],
    );
    expect(printed(() => f(np.array([1, 2, 3, 4, 5], { dtype: "int32" })))).toEqual(
      [1, 2, 3, 4, 5].map((k) => `x: ${k}`),
    );
  });
  test("scan, compiled and step by step", () => {
    const expected = ["carry: 0", "x: 5", "carry: 1", "x: 6"];
    expect(printed(() => SCAN(two))).toEqual(expected);
    expect(printed(() => jit(SCAN)(two))).toEqual(expected);
    expect(printed(() => disableJit(() => SCAN(two)))).toEqual(expected);
  });
  test("reverse scan prints from the end", () => {
    const f = (xs: A) =>
      lax.scan(
        (c: A, x: A) => {
          show(x);
          return [c, null] as const;
        },
        int(0),
        xs,
        { reverse: true },
      );
    expect(printed(() => f(two))).toEqual(["x: 6", "x: 5"]);
  });
  test("fori", () => {
    const f = jit((n: A) =>
      lax.foriLoop(
        0,
        n,
        (i, v: A) => {
          show(i);
          return v;
        },
        int(0),
      ),
    );
    expect(printed(() => f(int(3)))).toEqual(["x: 0", "x: 1", "x: 2"]);
  });
  test("while: the condition prints once more than the body, and once if it never holds", () => {
    const f = jit((x: A) =>
      lax.whileLoop(
        (v: A) => {
          show(v, "cond");
          return v.less(2);
        },
        (v: A) => {
          show(v, "body");
          return v.add(1);
        },
        x,
      ),
    );
    expect(printed(() => f(int(0)))).toEqual(["cond: 0", "body: 0", "cond: 1", "body: 1", "cond: 2"]);
    expect(printed(() => f(int(5)))).toEqual(["cond: 5"]);
  });
  test("cond and switch print in the branch that is taken only", () => {
    const branch =
      (name: string) =>
      (x: A): A => {
        show(x, name);
        return x;
      };
    const f = jit((p: A, x: A) => lax.cond(p, branch("true"), branch("false"), x));
    expect(printed(() => [f(true, int(1)), f(false, int(2))])).toEqual(["true: 1", "false: 2"]);
    const g = jit((i: A, x: A) => lax.switch(i, [branch("a"), branch("b"), branch("c")], x));
    expect(printed(() => [g(int(2), int(1)), g(int(0), int(2))])).toEqual(["c: 1", "a: 2"]);
  });
});

describe("under transformations", () => {
  const f = (x: A): A => {
    show(x);
    return x.mul(x);
  };
  test("vmap prints a line per lane, in order, also nested", () => {
    expect(printed(() => vmap(f)(np.array([1.5, 2.5, 3.5])))).toEqual(["x: 1.5", "x: 2.5", "x: 3.5"]);
    const both = (x: A, y: A): A => {
      debug.print("{x} {y}", { x, y });
      return x.add(y);
    };
    const row = (xs: A, ys: A): A => vmap(both)(xs, ys);
    const a = np.array(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: "int32" },
    );
    // As in JAX the inner map is the outer loop.
    expect(printed(() => vmap(row, [0, null])(a, a.slice(0)))).toEqual(["1 1", "3 1", "2 2", "4 2"]);
    expect(printed(() => vmap(both, [1, 0])(a, np.array([7, 8], { dtype: "int32" })))).toHaveLength(2);
  });
  test("derivatives print the primal once", () => {
    const expected = printed(() => f(np.array(3)));
    expect(printed(() => jvp(f, [np.array(3)], [np.array(1)]))).toEqual(expected);
    expect(printed(() => grad(f)(3))).toEqual(expected);
    expect(printed(() => jit(grad(f))(3))).toEqual(expected);
  });
  test("grad of a scan prints in the forward pass", () => {
    const loss = (x: A): A =>
      lax.scan(
        (c: A) => {
          show(c);
          return [c.mul(2), null] as const;
        },
        x,
        null,
        { length: 3 },
      )[0];
    const values = printed(() => grad(loss)(1)).map((l) => Number(l.slice(3)));
    expect(values).toEqual([1, 2, 4]);
  });
  test("callbacks see arrays, in the order of the program", () => {
    const seen: number[][] = [];
    const h = jit(
      (xs: A) =>
        lax.scan(
          (c: A, x: A) => {
            debug.callback((a: A, b: A) => void seen.push([a.item() as number, b.item() as number]), c, x);
            return [c.add(x), null] as const;
          },
          np.array(0),
          xs,
        )[0],
    );
    h(np.array([1, 2, 3]));
    expect(seen).toEqual([
      [0, 1],
      [1, 2],
      [3, 3],
    ]);
  });
});
