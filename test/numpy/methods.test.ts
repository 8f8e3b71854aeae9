/** Arrays as JavaScript values: methods, iteration, conversion, and what tracers refuse. */
import { deepStrictEqual } from "node:assert";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { ConcretizationTypeError, WeftTypeError, WeftValueError } from "../../src/core/errors.ts";
import type { IndexItem } from "../../src/core/methods.ts";
import { checkpoint, config, grad, jit, linearize, makeJaxpr, numpy as np, vmap } from "../../src/index.ts";

const x = np.array([
  [1, 2, 3],
  [4, 5, 6],
]);

/** The error that tracing f on x throws. */
function whileTracing(f: (x: NDArray) => unknown): unknown {
  try {
    jit((y: NDArray) => [y, f(y)][0])(x);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("values", () => {
  test("js nests by shape, with booleans as booleans", () => {
    expect(x.js()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(np.array([true, false]).js()).toEqual([true, false]);
    expect(np.array(3).js()).toBe(3);
    expect(np.zeros([2, 0]).js()).toEqual([[], []]);
    expect(np.zeros([0, 2]).js()).toEqual([]);
  });

  test("item reads the only element", () => {
    expect(np.array([[7]]).item()).toBe(7);
    expect(() => x.item()).toThrow(WeftValueError);
  });

  test("promises resolve to the same", async () => {
    expect(await x.jsAsync()).toEqual(x.js());
    expect(await x.data()).toEqual(x.dataSync());
    expect(await x.blockUntilReady()).toBe(x);
  });

  test("ref is the array itself, and using disposes it", () => {
    expect(x.ref).toBe(x);
    const y = np.array([1, 2]);
    {
      using z = y;
      expect(z.js()).toEqual([1, 2]);
    }
    expect(() => y.js()).toThrow();
    y.dispose();
  });

  test("scalars convert to numbers, other arrays do not", () => {
    const three = np.array(3);
    expect((three as unknown as number) + 1).toBe(4);
    expect((three as unknown as number) > 2).toBe(true);
    expect(`${three}`).toBe("3.0");
    expect(() => (x as unknown as number) > 2).toThrow(/no plain JavaScript value.*without axes/s);
  });

  test.each<[string, (y: NDArray) => unknown, RegExp]>([
    ["x[0]", (y) => Reflect.get(y, 0), /float32\[2,3\] is no list: use x\.slice\(0\) for x\[0\]/],
    ["x[0] = 5", (y) => Object.assign(y, { 0: 5 }), /immutable: x\[0\] cannot be .*x\.at\(0\)\.set\(value\)/],
    ["x[63] = 5", (y) => Object.assign(y, { 63: 5 }), /x\.at\(63\)\.set\(value\)/],
    ["x.length", (y) => Reflect.get(y, "length"), /has no length: x\.shape\[0\] .* x\.size/],
    ["x.length = 1", (y) => Object.assign(y, { length: 1 }), /x\.length cannot be assigned/],
    ["x.shape = []", (y) => Object.assign(y, { shape: [] }), /x\.shape cannot be assigned\. Use x\.reshape/],
    ["x.dtype = …", (y) => Object.assign(y, { dtype: "int32" }), /x\.dtype cannot be .* x\.astype/],
    ["x.T = …", (y) => Object.assign(y, { T: y }), /x\.T cannot be assigned\. Use x\.transpose/],
  ])("%s explains itself, traced or not", (_, use, message) => {
    expect(() => use(x)).toThrow(message);
    expect(() => use(x)).toThrow(WeftTypeError);
    expect(String(whileTracing(use))).toMatch(message);
  });

  test("nothing can be added to an array", () => {
    expect(() => Object.assign(x, { name: "x" })).toThrow(TypeError);
    expect(() => Object.assign(x, { 64: 1 })).toThrow(TypeError);
    expect(Object.isExtensible(np.add(x, 1))).toBe(false);
  });

  test.each<[string, (see: (y: NDArray) => NDArray) => unknown]>([
    ["jit", (see) => jit(see)(x)],
    ["a number that is an argument of jit", (see) => jit(see)(2)],
    ["vmap", (see) => vmap(see)(x)],
    ["grad", (see) => grad((y: NDArray) => see(y).sum())(x)],
    ["linearize", (see) => linearize(see, [x])],
    ["vjp of a checkpoint", (see) => grad((y: NDArray) => checkpoint(see)(y).sum())(x)],
  ])("nor to what stands for one under %s", (_, run) => {
    const seen: boolean[] = [];
    run((y) => {
      const z = y.mul(2);
      seen.push(Object.isExtensible(y), Object.isExtensible(z));
      return z;
    });
    expect(seen).toContain(false);
    expect(seen).not.toContain(true);
  });

  test("JSON has the values", () => {
    expect(JSON.stringify({ x, on: np.array([true]) })).toBe('{"x":[[1,2,3],[4,5,6]],"on":[true]}');
    expect(String(whileTracing((y) => JSON.stringify(y)))).toMatch(/Concretization.*float32\[2,3\]/s);
  });

  test("what looks into objects does not trip over the refusals", () => {
    expect(inspect({ x }, { showHidden: true, depth: 5 })).toContain("[[1. 2. 3.]");
    expect(inspect(x, { customInspect: false })).toContain("DeviceArray");
    expect(inspect(config)).toContain("memoryBudget");
    expect(Array.from(x).length).toBe(2);
    expect({ ...x }).toHaveProperty("aval");
    deepStrictEqual(x, x);
    expect(() => deepStrictEqual(x, np.array([9]))).toThrow(/deep/);
  });

  test("who looks into an array finds that array, not the memory of all", () => {
    const others = Array.from({ length: 50 }, (_, i) => np.sin(np.array([i])));
    const found = new Set<unknown>();
    const look = (value: unknown): void => {
      if (typeof value !== "object" || value === null || found.has(value)) return;
      found.add(value);
      if (!ArrayBuffer.isView(value)) for (const key of Reflect.ownKeys(value)) look(Reflect.get(value, key));
    };
    look(np.sin(x));
    expect(others).toHaveLength(50);
    expect(found.size).toBeLessThan(10);
  });

  test("iteration yields the slices along the first axis", () => {
    const [a, b] = x;
    expect([a!.js(), b!.js()]).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(() => [...np.array(1)]).toThrow(
      /iteration over a 0-d array: float32\[\] has no axis .*x\.item\(\)/,
    );
    const sum = jit((y: NDArray) => [...y].reduce((p, q) => p.add(q)));
    expect(sum(x).js()).toEqual([5, 7, 9]);
  });

  test("printing", () => {
    expect(String(x)).toBe("[[1. 2. 3.]\n [4. 5. 6.]]");
    expect(inspect(x)).toBe(String(x));
    expect(
      String(
        whileTracing((y) => {
          throw new Error(`${y} ${inspect(y)}`);
        }),
      ),
    ).toContain("Traced<float32[2,3]> Traced<float32[2,3]>");
  });
});

describe("tracers refuse to be values", () => {
  const uses: Record<string, (y: NDArray) => unknown> = {
    "x > 0": (y) => (y as unknown as number) > 0,
    "x + 1": (y) => (y as unknown as number) + 1,
    "+x": (y) => +(y as unknown as number),
    "item()": (y) => y.item(),
    "js()": (y) => y.js(),
    "dataSync()": (y) => y.dataSync(),
  };
  test.each(Object.entries(uses))("%s", (_, use) => {
    const error = whileTracing(use);
    expect(error).toBeInstanceOf(ConcretizationTypeError);
    expect(String(error)).toMatch(/float32\[2,3\]/);
    expect(String(error)).toMatch(/lax\.cond/);
  });
});

describe("programs", () => {
  const text = (f: (...args: NDArray[]) => unknown, ...args: NDArray[]): string =>
    String(makeJaxpr(f as (...args: unknown[]) => unknown)(...args).jaxpr);

  test("numbers stay literals of the array's dtype", () => {
    const i = np.arange(3);
    expect(text((y) => y.mul(2), i)).toBe("{ lambda ; a:i32[3]. let b:i32[3] = mul a 2:i32[] in (b,) }");
    expect(text((y) => np.add(1, y), x)).toBe(
      "{ lambda ; a:f32[2,3]. let b:f32[2,3] = add 1.0:f32[] a in (b,) }",
    );
  });

  test("a known scalar array is converted before anything runs", () => {
    const two = np.array(2);
    expect(text((y) => y.mul(two), x)).toBe(
      "{ lambda ; a:f32[2,3]. let b:f32[2,3] = mul a 2.0:f32[] in (b,) }",
    );
  });

  test("matmul is one dot_general", () => {
    const program = text((a, b) => a!.matmul(b!), x, x.T);
    expect(program).toContain("dot_general[");
    expect(program).not.toContain("transpose");
  });

  test("einsum swaps operands rather than transpose", () => {
    expect(text((a, b) => np.einsum("ij,jk->ki", a!, b!), x, x.T)).not.toContain("transpose");
  });

  test("a whole slice is the array", () => {
    expect(jit((y: NDArray) => y.slice([], []))(x).js()).toEqual(x.js());
    expect(x.slice([])).toBe(x);
  });

  test("indices may be mapped", () => {
    const i = np.array([2, 0, -1], { dtype: "int32" });
    const pick = vmap((k: NDArray) => x.slice(1, k)) as (k: NDArray) => NDArray;
    expect(pick(i).js()).toEqual([6, 4, 6]);
    const put = vmap((k: NDArray) => np.zeros([3]).at(k).add(1)) as (k: NDArray) => NDArray;
    expect(put(i).js()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
      [0, 0, 1],
    ]);
    const each = vmap((row: NDArray, k: NDArray) => row.at(k).set(0)) as (
      row: NDArray,
      k: NDArray,
    ) => NDArray;
    expect(each(x, np.array([0, 9], { dtype: "int32" })).js()).toEqual([
      [0, 2, 3],
      [4, 5, 6],
    ]);
  });

  test("updates at repeated places have derivatives", () => {
    const i = np.array([0, 0, 1], { dtype: "int32" });
    const g = grad((v: NDArray) =>
      np
        .zeros([2])
        .at(i)
        .set(v)
        .mul(np.array([1, 10]))
        .sum(),
    )(np.array([1, 2, 3]));
    expect(g.js()).toEqual([0, 1, 10]);
  });
});

describe("slice agrees with slicing of JavaScript arrays", () => {
  const bound = fc.integer({ min: -9, max: 9 });
  const window = fc.oneof(fc.constant([]), fc.tuple(bound), fc.tuple(bound, bound));
  test("windows", () => {
    const v = np.arange(6);
    fc.assert(
      fc.property(window, (w) => {
        const want = [0, 1, 2, 3, 4, 5].slice(...(w as [number?, number?]));
        expect(v.slice(w as IndexItem).js()).toEqual(want);
        const mask = v
          .at(w as IndexItem)
          .set(-1)
          .js() as number[];
        expect(mask).toEqual([0, 1, 2, 3, 4, 5].map((k) => (want.includes(k) ? -1 : k)));
      }),
      { numRuns: 60 },
    );
  });
});

describe("errors name the function, the types and the way out", () => {
  const floats = np.array([0, 1]);
  const cases: [string, () => unknown, new (m: string) => Error, string | RegExp][] = [
    [
      "add",
      () => np.add(np.ones([3]), np.ones([4])),
      WeftTypeError,
      "add got incompatible shapes for broadcasting: (3,), (4,).",
    ],
    [
      "where",
      () => np.where(np.ones([2]), np.ones([3]), 0),
      WeftTypeError,
      "where got incompatible shapes for broadcasting: (2,), (3,).",
    ],
    ["subtract of bools", () => np.array([true]).sub(true), WeftTypeError, /sub does not accept dtype bool/],
    [
      "reshape",
      () => np.arange(5).reshape([2, -1]),
      WeftTypeError,
      "cannot reshape array of shape (5,) (size 5) into shape (2, -1).",
    ],
    [
      "reshape to another size",
      () => x.reshape([4]),
      WeftTypeError,
      /cannot reshape array of shape \(2, 3\) \(size 6\) into shape \(4,\)/,
    ],
    ["axis", () => np.sum(x, 2), RangeError, "axis 2 is out of bounds for an array of dimension 2"],
    ["axis named twice", () => np.sum(x, [0, -2]), WeftTypeError, /duplicate value in axis/],
    [
      "max of nothing",
      () => np.max(np.zeros([0, 2]), 0),
      WeftValueError,
      /zero-size array to reduction operation max which has no identity/,
    ],
    [
      "argmax of nothing",
      () => np.argmax(np.zeros([0])),
      WeftValueError,
      /attempt to get argmax of an empty sequence/,
    ],
    [
      "integers to negative powers",
      () => np.arange(3).pow(-1),
      WeftTypeError,
      /Integers cannot be raised to negative powers/,
    ],
    [
      "matmul of scalars",
      () => np.matmul(1, x),
      WeftValueError,
      /matmul input operand 0 must have ndim at least 1/,
    ],
    [
      "matmul",
      () => np.matmul(x, x),
      WeftTypeError,
      "matmul: contracting dimensions must have the same size, got (2, 3) and (2, 3).",
    ],
    ["dot", () => np.dot(x, np.ones([2])), WeftTypeError, /dot: contracting dimensions.*\(2, 3\) and \(2,\)/],
    [
      "matmul batches",
      () => np.matmul(np.ones([2, 1, 3]), np.ones([4, 3, 1])),
      WeftTypeError,
      /must have one size/,
    ],
    ["einsum terms", () => np.einsum("ij,jk->ik", x), WeftValueError, /2 terms are given for 1 operands/],
    [
      "einsum axes",
      () => np.einsum("ijk->k", x),
      WeftValueError,
      /operand of type float32\[2,3\] does not have the 3 axes of "ijk"/,
    ],
    ["einsum output", () => np.einsum("ij->ik", x), WeftValueError, /output label "k" occurs in no operand/],
    ["einsum sizes", () => np.einsum("ii->i", x), WeftTypeError, /one label must have one size/],
    [
      "too many indices",
      () => x.slice(0, 0, 0),
      WeftValueError,
      "Too many indices: array is 2-dimensional, but 3 were indexed.",
    ],
    ["float index", () => x.slice(0.5), WeftTypeError, /0.5 is no index for an array of type float32\[2,3\]/],
    [
      "float indices",
      () => x.slice(floats),
      WeftTypeError,
      /indices must have an integer dtype, got float32\[2\].*astype/,
    ],
    ["mask", () => x.slice(np.array([true, false])), WeftTypeError, /np\.where/],
    ["take", () => np.take(x, floats), WeftTypeError, /np\.take: indices must have an integer dtype/],
    [
      "update",
      () => x.at(0).set([1, 2]),
      WeftValueError,
      "Incompatible shapes for broadcasting: (2,) and requested shape (3,).",
    ],
    ["broadcastTo", () => np.broadcastTo(x, [3]), WeftValueError, /\(2, 3\) and requested shape \(3,\)/],
    ["concatenate", () => np.concatenate([x, np.ones([2])]), WeftTypeError, /Cannot concatenate/],
    [
      "concatenate nothing",
      () => np.concatenate([]),
      WeftValueError,
      "Need at least one array to concatenate.",
    ],
    ["stack", () => np.stack([x, np.ones([2])]), WeftValueError, /same shape, got \(2, 3\) and \(2,\)/],
    [
      "split",
      () => np.split(np.arange(5), 2),
      WeftValueError,
      /does not result in an equal division.*arraySplit/s,
    ],
    ["dtype", () => x.astype("int64" as never), WeftTypeError, /there is no dtype "int64"/],
    ["view", () => x.view("float64"), WeftTypeError, /another width/],
    ["arange", () => np.arange(0, 1, 0), WeftValueError, /step not 0/],
    [
      "linspace",
      () => np.linspace(0, 1, -1),
      WeftValueError,
      "np.linspace: num (the number of samples) must be a non-negative integer, got -1.",
    ],
    ["linspace, axis", () => np.linspace(x, 1, 3, true, { axis: 3 }), WeftValueError, /np.linspace: axis 3/],
    ["of numbers", () => np.linspace(0, 1, 3, true, { axis: 1 }), WeftValueError, /np.linspace: axis 1/],
    ["bounds", () => np.linspace(x, [1, 2], 3), WeftTypeError, /np.linspace got incompatible shapes/],
    ["searchsorted", () => np.searchsorted(x, 1), WeftTypeError, /a must be a vector/],
    [
      "pad",
      () =>
        np.pad(x, [
          [1, 1],
          [1, 1],
          [1, 1],
        ]),
      WeftTypeError,
      /does not fit an array of 2 axes/,
    ],
    ["round", () => np.round(np.arange(3), -1), WeftValueError, /negative decimals/],
    [
      "text",
      () => np.array("text" as never),
      WeftTypeError,
      /np.array: values is the string "text", which is not a valid array/,
    ],
    ["finfo", () => np.finfo("int32"), WeftTypeError, /np\.iinfo/],
  ];
  test.each(cases)("%s", (_, run, type, message) => {
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});
