/** Donated arguments of jitted calls: results take their memory where that is right, and the values never change. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import type { DeviceArray, NDArray } from "../../../src/core/array.ts";
import { DeletedArrayError } from "../../../src/core/errors.ts";
import { storageOf } from "../../../src/devices/cpu/runtime.ts";
import { clearCaches, executors, memoryStats, setExecutor } from "../../../src/devices/index.ts";
import { debug, grad, jit, lax } from "../../../src/index.ts";

const arr = (n: number, seed = 1): NDArray =>
  lax.asArray(Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 1.7 * i)));
const address = (x: NDArray): number => storageOf(x as DeviceArray).cell.address;
const isDeleted = (x: NDArray): boolean => (x as DeviceArray).buffer.deleted;
const values = (x: NDArray): number[] => Array.from(x.dataSync());

afterEach(() => setExecutor(undefined));

type State = { w: NDArray; m: NDArray };

/** Gradient descent with momentum on the error of a small recurrent network. */
const step = ({ w, m }: State, xs: NDArray): State => {
  const loss = (v: NDArray): NDArray => {
    const cell = (h: NDArray, x: NDArray): [NDArray, NDArray] => {
      const next = lax.tanh(lax.add(lax.dot(h, v), x));
      return [next, next];
    };
    const [, ys] = lax.scan(cell, lax.full([N], 0, "float32"), xs);
    return lax.reduceSum(lax.mul(ys, ys), [0, 1]);
  };
  const velocity = lax.add(lax.mul(m, 0.9), grad(loss)(w));
  return { w: lax.sub(w, lax.mul(velocity, 0.01)), m: velocity };
};
const N = 9;
const inputs = lax.reshape(arr(5 * N), [5, N]);
const initial = (): State => ({ w: lax.reshape(arr(N * N, 3), [N, N]), m: lax.full([N, N], 0, "float32") });

describe("a training step", () => {
  test("puts the new state where the old one was", () => {
    const run = jit(step, { donateArgnums: 0 });
    let state = run(initial(), inputs);
    const places = [address(state.w), address(state.m)].sort();
    const { live } = memoryStats();
    for (let i = 0; i < 20; i++) {
      const before = state;
      state = run(before, inputs);
      expect([address(state.w), address(state.m)].sort()).toEqual(places);
      expect([before.w, before.m].map(isDeleted)).toEqual([true, true]);
    }
    expect(memoryStats().live).toBe(live);
  });

  test("gives the values of a step without donation, on either tier", () => {
    const plain = jit(step);
    let want = initial();
    for (let i = 0; i < 3; i++) want = plain(want, inputs);
    for (const executor of [undefined, executors.interp]) {
      setExecutor(executor);
      const run = jit(step, { donateArgnums: 0 });
      let state = initial();
      for (let i = 0; i < 3; i++) state = run(state, inputs);
      for (const [i, x] of values(want.w).entries()) expect(values(state.w)[i]).toBeCloseTo(x, 5);
    }
  });

  test("needs no memory beside the state", () => {
    const size = 1 << 18;
    const run = jit((s: State, g: NDArray) => ({ w: lax.sub(s.w, lax.mul(g, 0.1)), m: lax.add(s.m, g) }), {
      donateArgnums: 0,
    });
    const g = arr(size);
    let state = run({ w: arr(size, 2), m: arr(size, 3) }, g);
    const places = [address(state.w), address(state.m)];
    const { live } = memoryStats();
    for (let i = 0; i < 5; i++) state = run(state, g);
    expect([address(state.w), address(state.m)]).toEqual(places);
    expect(memoryStats().live).toBe(live);
    expect(state.m.dataSync()[1]).toBeCloseTo(Math.sin(3 + 1.7) + 6 * Math.sin(1 + 1.7), 4);
  });
});

describe("an argument that cannot be reused", () => {
  const reverse = (x: NDArray): NDArray => lax.rev(x, [0]);

  test("is read to the end and freed after the call", () => {
    const x = arr(8);
    const want = values(x).reverse();
    const y = jit(reverse, { donateArgnums: 0 })(x);
    expect(values(y)).toEqual(want);
    expect(isDeleted(x)).toBe(true);
  });

  test.each<[string, (x: NDArray) => unknown]>([
    ["another shape", (x) => lax.reduceSum(x, [0])],
    ["another dtype", (x) => lax.convertElementType(x, "int32")],
    ["no result", () => []],
  ])("%s: freed all the same", (_, f) => {
    const x = arr(8);
    jit(f, { donateArgnums: [0] })(x);
    expect(isDeleted(x)).toBe(true);
  });
});

describe("the same array", () => {
  const shiftAdd = (x: NDArray, y: NDArray): NDArray => lax.add(x, lax.rev(y, [0]));
  const expected = (x: NDArray): number[] => values(shiftAdd(x, x));

  test.each([
    ["donated once", [0]],
    ["donated twice", [0, 1]],
  ])("passed twice and %s is not reused in place, but gone afterwards", (_, donateArgnums) => {
    const f = jit(shiftAdd, { donateArgnums });
    f(arr(8, 5), arr(8, 6)); // x is reused in place when y is another array
    const x = arr(8);
    const want = expected(x);
    expect(values(f(x, x))).toEqual(want);
    expect(isDeleted(x)).toBe(true);
  });

  test("donated and also closed over: right, and the next call says what happened", () => {
    const x = arr(8);
    const f = jit((y: NDArray) => shiftAdd(y, x), { donateArgnums: 0 });
    const want = expected(x);
    expect(values(f(x))).toEqual(want);
    expect(isDeleted(x)).toBe(true);
    expect(() => f(arr(8, 2))).toThrow(DeletedArrayError);
  });

  test("of different arrays, the donated one is reused", () => {
    const [x, y] = [arr(8), arr(8, 2)];
    lax.add(x, y).dispose();
    const [place, want] = [address(x), values(shiftAdd(x, y))];
    const z = jit(shiftAdd, { donateArgnums: 0 })(x, y);
    expect(address(z)).toBe(place);
    expect(values(z)).toEqual(want);
    expect(isDeleted(y)).toBe(false);
  });
});

describe("a donated array", () => {
  const double = jit((x: NDArray) => lax.add(x, x), { donateArgnums: 0 });

  test.each<[string, (x: NDArray) => unknown]>([
    ["read", (x) => x.dataSync()],
    ["passed on", (x) => double(x)],
    ["used in an operation", (x) => lax.neg(x)],
  ])("%s is an error that names donateArgnums", (_, use) => {
    const x = arr(4);
    double(x);
    expect(() => use(x)).toThrow(DeletedArrayError);
    expect(() => use(x)).toThrow(/donated to a jitted function \(donateArgnums\).*use the function's result/);
  });

  test("may be disposed: the result keeps the memory", () => {
    const x = arr(4);
    const y = double(x);
    const want = values(y);
    x.dispose();
    arr(4, 9);
    lax.neg(arr(4, 9));
    expect(values(y)).toEqual(want);
  });

  test("is unharmed when the call fails", () => {
    let fail = true;
    const f = jit(
      (x: NDArray) => {
        const y = lax.add(x, 1);
        debug.callback(() => {
          if (fail) throw new Error("from the callback");
        }, y);
        return lax.add(y, 1);
      },
      { donateArgnums: 0 },
    );
    const x = arr(4);
    const want = values(lax.add(lax.add(x, 1), 1));
    const before = values(x);
    for (let i = 0; i < 3; i++) expect(() => f(x)).toThrow("from the callback");
    expect(values(x)).toEqual(before);
    fail = false;
    expect(values(f(x))).toEqual(want);
    expect(isDeleted(x)).toBe(true);
  });

  test("that a callback disposes during the call leaves the result whole", () => {
    const x = arr(4);
    const want = values(lax.mul(lax.add(x, 1), 2));
    const f = jit(
      (y: NDArray) => {
        debug.callback(() => x.dispose(), y);
        return lax.mul(lax.add(y, 1), 2);
      },
      { donateArgnums: 0 },
    );
    const z = f(x);
    lax.neg(arr(4, 9));
    expect(values(z)).toEqual(want);
    expect(isDeleted(x)).toBe(true);
  });
});

test("programs that differ in what is donated are compiled apart", () => {
  clearCaches();
  const f = (x: NDArray): NDArray => lax.mul(x, 3);
  const [keep, give] = [jit(f), jit(f, { donateArgnums: 0 })];
  const x = arr(8);
  const y = keep(x);
  expect(address(y)).not.toBe(address(x));
  const place = address(x);
  expect(address(give(x))).toBe(place);
  const z = keep(y);
  expect(isDeleted(y)).toBe(false);
  expect(address(z)).not.toBe(address(y));
});

describe.each([4, 5])("random functions of three arrays of %d² numbers", (side) => {
  const size = side * side;
  type Op = (x: NDArray, y: NDArray) => NDArray;
  const square = (x: NDArray): NDArray => lax.reshape(x, [side, side]);
  const flat = (x: NDArray): NDArray => lax.reshape(x, [size]);
  const OPS: readonly Op[] = [
    (x, y) => lax.add(x, y),
    (x, y) => lax.mul(x, y),
    (x) => lax.neg(x),
    (x) => lax.rev(x, [0]),
    (x) => flat(lax.transpose(square(x), [1, 0])),
    (x, y) => flat(lax.dot(square(x), square(y))),
    (x) => lax.cumsum(x, 0),
    (x, y) => lax.select(lax.gt(x, y), x, y),
    (x, y) => lax.sub(x, lax.mul(y, lax.sliceInDim(y, 0, 1, 1, 0).sum())),
    (x, y) =>
      lax
        .scan((c: NDArray, v: NDArray) => [lax.add(c, v), lax.mul(c, v)], flat0(y), square(x))[1]
        .reshape([size]),
    (x, y) => lax.dynamicUpdateSlice(x, lax.slice(y, [0], [5]), [3]),
    (x, y) => lax.concatenate([lax.slice(x, [1], [size]), lax.slice(y, [0], [1])], 0),
  ];
  const flat0 = (y: NDArray): NDArray => lax.slice(y, [0], [side]);

  const plans = fc.record({
    ops: fc.array(fc.tuple(fc.nat(OPS.length - 1), fc.nat(99), fc.nat(99)), { minLength: 1, maxLength: 7 }),
    outs: fc.array(fc.nat(99), { minLength: 1, maxLength: 3 }),
    donateArgnums: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 }),
  });
  const build =
    (ops: readonly (readonly [number, number, number])[], outs: readonly number[]) =>
    (...args: NDArray[]): NDArray[] => {
      const known = [...args];
      for (const [op, i, j] of ops)
        known.push(OPS[op]!(known.at(-1 - (i % known.length))!, known[j % known.length]!));
      return outs.map((o) => known.at(-1 - (o % known.length))!);
    };

  test("give what they give without donation", () => {
    let reused = 0;
    fc.assert(
      fc.property(plans, ({ ops, outs, donateArgnums }) => {
        const f = build(ops, outs);
        const args = [1, 2, 3].map((seed) => arr(size, seed));
        const want = jit(f)(...args).map(values);
        const places = donateArgnums.map((i) => address(args[i]!)).filter((at) => at !== 0);
        const got = jit(f, { donateArgnums })(...args);
        reused += got.filter((y) => places.includes(address(y))).length;
        expect(got.map(values)).toEqual(want);
        expect(args.map(isDeleted)).toEqual([0, 1, 2].map((i) => donateArgnums.includes(i)));
      }),
      { numRuns: 100, seed: 11 },
    );
    expect(reused).toBeGreaterThan(30);
  });
});
