/** Values and derivatives at ties, zeros, infinities and empty axes; the expected ones are those of JAX 0.10.2. */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { grad, jit, jvp, lax, nn, numpy as np, random, tree } from "../../src/index.ts";

const { inf, nan } = np;
const f32 = (...values: number[]): NDArray => np.array(values);
const i32 = (...values: number[]): NDArray => np.array(values, { dtype: "int32" });
const f64 = (...values: number[]): NDArray => np.array(values, { dtype: "float64" });
const empty = np.zeros([0]);

const VALUES: readonly [name: string, () => NDArray, dtype: string, value: unknown][] = [
  [
    "hypot of infinity and NaN",
    () => np.hypot(f32(inf, nan, 3), f32(nan, -inf, 4)),
    "float32",
    [inf, inf, 5],
  ],
  ["a plain whole number to an integer", () => np.power(2, np.array(3, { dtype: "int32" })), "int32", 8],
  ["a fraction to an integer", () => np.power(0.5, np.array(3, { dtype: "int32" })), "float32", 0.125],
  [
    "the derivative of a power to the least integer",
    () => jvp((x: NDArray) => lax.pow(x, i32(-(2 ** 31), 0, 1)), [f32(28, 28, 28)], [f32(1, 1, 1)])[1],
    "float32",
    [-0, 0, 1],
  ],
  ["bitwiseCount of bools", () => np.bitwiseCount([true, false]), "uint8", [1, 0]],
  ["bits of plain whole numbers", () => np.bitwiseAnd(12, 10), "int32", 8],
  ["a shift of a plain whole number", () => np.leftShift(1, 3), "int32", 8],
  ["the inverse of a plain whole number", () => np.invert(5), "int32", -6],
  ["bitwiseCount of a plain whole number", () => np.bitwiseCount(5), "uint8", 2],
  ["no columns of powers", () => np.vander(f32(1, 2), { n: 0 }), "float32", [[], []]],
  ["powers of nothing", () => np.vander(empty), "float32", []],
  ["arrayEquiv of what does not broadcast", () => np.arrayEquiv(f32(1, 2), f32(1, 2, 3)), "bool", false],
  [
    "average by weights of axes in another order",
    () =>
      np.average(np.arange(6, undefined, 1, { dtype: "float32" }).reshape([2, 3]), [1, 0], {
        weights: [
          [0, 1],
          [2, 3],
          [4, 5],
        ],
      }),
    "float32",
    Math.fround(10 / 3),
  ],
  ["trigamma at its poles", () => lax.trigamma(f32(-1, 0, -3)), "float32", [inf, inf, inf]],
  ["select between integers", () => np.select([[true, false]], [i32(3, 4)]), "int32", [3, 0]],
  ["polyder of integers", () => np.polyder(i32(3, 1, 2)), "float32", [6, 1]],
  ["polyval on a batch", () => np.polyval([1, 0, -2], [[3], [1]]), "float32", [[7], [-1]]],
  [
    "polyval of polynomials",
    () =>
      np.polyval(
        [
          [1, 2],
          [0, 1],
        ],
        [2, 3],
      ),
    "float32",
    [2, 7],
  ],
  [
    "geomspace of integers",
    () => np.geomspace(1, 1000, 4, true, { dtype: "int32" }),
    "int32",
    [1, 10, 100, 1000],
  ],
  [
    "linspace of negative integers",
    () => np.linspace(-5, -2, 8, true, { dtype: "int32" }),
    "int32",
    [-5, -5, -5, -4, -4, -3, -3, -2],
  ],
  ["diff of order 0", () => np.diff(f32(1, 4), 0, -1, { prepend: 9 }), "float32", [1, 4]],
  ["nothing picked from nothing", () => empty.slice(i32()), "float32", []],
  ["nothing picked from nothing, with a fill", () => empty.at(i32()).get({ mode: "fill" }), "float32", []],
  ["nothing picked where there is nothing", () => np.zeros([0, 1]).slice(i32(1), [1], null), "float32", [[]]],
  ["nothing to set in", () => empty.at(i32(0, 1)).set(1), "float32", []],
  ["nothing to scale", () => np.zeros([2, 0]).at(i32(0), i32(3)).mul(2), "float32", [[], []]],
  ["takeAlongAxis of nothing", () => np.takeAlongAxis(empty, i32(0, 5), 0), "float32", [0, 0]],
  [
    "takeAlongAxis beside an empty axis",
    () => np.takeAlongAxis(np.zeros([0, 3]), np.zeros([0, 2], { dtype: "int32" }), 1),
    "float32",
    [],
  ],
  ["sort of nothing", () => np.sort(np.zeros([2, 0])), "float32", [[], []]],
  [
    "logaddexp of infinities",
    () => np.logaddexp(f32(inf, -inf, inf), f32(inf, -inf, -inf)),
    "float32",
    [inf, -inf, inf],
  ],
  ["var without freedom", () => np.var_(empty, null, { correction: 1 }), "float32", nan],
  ["nanvar about a known mean", () => np.nanvar(f32(1, nan, 3), null, { mean: 1 }), "float32", 2],
  ["nanmax of bools", () => np.nanmax(np.array([true, false])), "bool", true],
  ["the largest of nothing as a norm", () => np.linalg.norm(empty, { ord: inf }), "float32", 0],
  [
    "cumulativeSum of narrow integers",
    () => np.cumulativeSum(np.array([200, 100], { dtype: "uint8" })),
    "uint32",
    [200, 300],
  ],
  [
    "isclose of integers that wrap",
    () => np.isclose(np.array([2 ** 32 - 1], { dtype: "uint32" }), i32(-1)),
    "bool",
    [true],
  ],
  [
    "a convolution with infinities",
    () => np.convolve(f32(1, 2), f32(-inf, -inf)),
    "float32",
    [-inf, -inf, -inf],
  ],
  [
    "a convolution as long as an infinite kernel",
    () => np.convolve(f32(1, 2), f32(inf), "same"),
    "float32",
    [inf, inf],
  ],
  [
    "softplus along an infinite tangent",
    () => jvp(nn.softplus, [f32(0, inf, -inf)], [f32(inf, inf, 1)])[1],
    "float32",
    [inf, inf, 0],
  ],
  ["fmod of bools", () => np.fmod(np.array([true, true]), np.array([true, false])), "int32", [0, 1]],
  [
    "trapezoid of unsigned positions",
    () => np.trapezoid(np.array([200, 3], { dtype: "uint8" }), np.array([200, 3], { dtype: "uint8" })),
    "float32",
    -19995.5,
  ],
  ["trapezoid with an infinite end", () => np.trapezoid(f32(1, inf)), "float32", nan],
  ["a sum of bools by einsum", () => np.einsum("ij->", np.array([[true], [false]])), "bool", true],
  [
    "signbit of NaN",
    () => np.signbit(np.copysign(f64(nan, nan, 0), f64(-1, 1, -0))),
    "bool",
    [true, false, true],
  ],
  [
    "copysign from NaN",
    () => np.copysign(f64(2, 2), np.copysign(f64(nan, nan), f64(-1, 1))),
    "float64",
    [-2, 2],
  ],
  ["integers by 0 and -1", () => np.floorDivide(i32(7, -(2 ** 31)), i32(0, -1)), "int32", [-2, -(2 ** 31)]],
  [
    "nextafter of float64",
    () => lax.nextafter(f64(1, -1, 0, 2 ** -1074, inf, 2 ** -1000), f64(2, 2, -1, 0, 0, 0)),
    "float64",
    [1 + 2 ** -52, -1 + 2 ** -53, -(2 ** -1074), 0, Number.MAX_VALUE, 2 ** -1000 - 2 ** -1053],
  ],
];
test.each(VALUES)("%s", (_, f, dtype, value) => {
  const x = f();
  expect([x.dtype, x.js()]).toEqual([dtype, value]);
});

const dotInto = (preferredElementType: "float32" | "float64", x: NDArray, y: NDArray): NDArray =>
  lax.dotGeneral(
    x,
    y,
    [
      [[0], [0]],
      [[], []],
    ],
    { preferredElementType },
  );

const GRADIENTS: readonly [name: string, (x: NDArray) => NDArray, at: NDArray, gradient: unknown][] = [
  ["fmax at a tie", (x) => np.fmax(x, 0), f32(-1, 0, nan, 2), [0, 0, 0, 1]],
  ["floorDivide by 0", (x) => np.floorDivide(x, x.mul(0)), f32(2, -1), [0, 0]],
  ["a power of a floorDivide", (x) => np.floorDivide(x, 2).pow(2), f32(inf, 5), [0, 0]],
  ["hypot at infinity", (x) => np.hypot(x, 0), f32(inf, -inf, -2), [nan, nan, -1]],
  ["relu at 0 and NaN", (x) => nn.relu(x), f32(0, nan, 2), [0, 0, 1]],
  ["relu6 at its ends", (x) => nn.relu6(x), f32(0, 6, nan, 2), [0, 0, 0, 1]],
  ["pow with a float exponent 0", (x) => np.power(x, f32(0, 0)), f32(0, 2), [nan, 0]],
  ["pow with an integer exponent 0", (x) => np.power(x, i32(0, 0)), f32(0, 2), [0, 0]],
  ["at(number).mul", (v) => f32(1, 2, 3).at(i32(1).slice(0)).mul(v.slice(0)), f32(2), [2]],
  ["sort of nothing", (x) => np.sort(x), empty, []],
  ["logaddexp at infinities", (x) => np.logaddexp(x, f32(inf, -inf, 1)), f32(inf, -inf, -inf), [1, nan, 0]],
  ["logaddexp2 at infinities", (x) => np.logaddexp2(x, f32(inf, -inf, 1)), f32(inf, -inf, inf), [1, nan, 1]],
  ["log1mexp at -inf", (x) => nn.log1mexp(x), f32(-inf, inf), [-1, 0]],
  ["max over no axes at NaN", (x) => np.max(x, []), f32(1, nan), [1, nan]],
  ["scatter max beside NaN", (x) => x.at(i32(0)).max(2), f32(nan, nan, 3), [0, 1, 1]],
  ["scatter min beside NaN", (x) => x.at(i32(1)).min(2), f32(nan, nan, 3), [1, 0, 1]],
  ["nanvar without freedom", (x) => np.nanvar(x, null, { correction: 1 }), f32(3), [0]],
  ["nanmean of NaN alone", (x) => np.nanmean(x), f32(nan, nan), [0, 0]],
  ["norm of a zero row", (x) => np.linalg.norm(x, { ord: inf }), f32(0, 0), [0.25, 0.25]],
  ["cumlogsumexp behind -inf", (x) => lax.cumlogsumexp(x).slice(1), f32(-inf, 0), [0, 1]],
  ["nothing to add to", (v) => empty.at(i32(0, 1)).add(v).sum().add(v.sum()), f32(1, 2), [1, 1]],
  ["dotGeneral into a wider type", (x) => dotInto("float64", x, f32(3, 4)), f32(1, 2), [3, 4]],
  ["dotGeneral into a narrower type", (x) => dotInto("float32", f64(3, 4), x), f64(1, 2), [3, 4]],
  ["a constant index", (x) => x.slice(1).mul(3), f32(1, 2), [0, 3]],
  ["indices outside", (x) => x.slice(i32(5, -9, 1)), f32(1, 2), [0, 1]],
  ["trigamma at its poles", (x) => lax.trigamma(x), f32(-1, 0), [nan, nan]],
  ["equal indices", (x) => x.slice(i32(1, 1)), f32(1, 2), [0, 2]],
];
test.each([
  ["a place of an empty axis", () => empty.slice(i32(0))],
  ["a place to write to of an empty axis", () => empty.at(0).set(1)],
  ["a known place to write to of an empty axis", () => empty.at(np.array(0, { dtype: "int32" })).set(1)],
  [
    "a number beside positions, where there is something to read",
    () => np.zeros([4, 0, 5]).slice(i32(0, 1), 0),
  ],
  ["take from an empty axis", () => np.take(empty, i32(0), 0, { mode: "wrap" })],
  ["take from an empty array", () => np.take(np.zeros([3, 0]), i32(1))],
] as const)("%s is refused", (_, f) => {
  expect(f).toThrow(/(picked|taken) along (an )?axis .*(of size 0|has size 0)/);
});

test.each([
  ["no positions", (x: NDArray) => x.slice(i32(), 0), [0, 5]],
  ["no positions, from the end", (x: NDArray) => x.slice(i32(), -1), [0, 5]],
  [
    "no positions, an array without axes",
    (x: NDArray) => x.slice(i32(), np.array(0, { dtype: "int32" })),
    [0, 5],
  ],
  ["nothing in the last axis", (x: NDArray) => x.slice([], [], [0, 0]).slice(i32(0, 1), 0), [2, 0]],
  ["what is written is dropped", (x: NDArray) => x.at(i32(0, 1), 0).set(1), [4, 0, 5]],
  ["no places to write to", (x: NDArray) => x.at(i32(), 0).add(1), [4, 0, 5]],
] as const)("numbers beside positions along an empty axis: %s", (_, f, shape) => {
  const x = np.zeros([4, 0, 5]);
  for (const each of [f, jit(f)]) expect(each(x).shape).toEqual(shape);
});

describe("gradients of sums", () => {
  test.each(GRADIENTS)("%s", (_, f, at, gradient) => {
    expect((grad((x: NDArray) => f(x).sum())(at) as NDArray).js()).toEqual(gradient);
  });
});

test("what the first element of running products is does not reach its own derivative", () => {
  const [, t] = jvp((x: NDArray) => lax.cumprod(x), [f32(nan, 2)], [f32(0.25, 1)]) as [NDArray, NDArray];
  expect(t.js()).toEqual([0.25, nan]);
});

test("sinc has all its derivatives at 0", () => {
  const nth = (n: number): ((x: NDArray) => NDArray) =>
    n === 0 ? (x) => np.sinc(x) : (grad(nth(n - 1)) as (x: NDArray) => NDArray);
  const derivatives = [0, 1, 2, 3, 4, 5, 6].map((n) => nth(n)(np.array(0)).item());
  const exact = [1, 0, -(Math.PI ** 2) / 3, 0, Math.PI ** 4 / 5, 0, -(Math.PI ** 6) / 7];
  derivatives.forEach((d, n) => expect(d).toBeCloseTo(exact[n]!, n < 5 ? 4 : 2));
});

describe("refused", () => {
  const m = np.ones([2, 2]);
  test.each<[string, () => unknown, RegExp]>([
    [
      "fractions as positions",
      () => np.take(f32(1, 2), [0.5]),
      /np\.take: indices must have an integer dtype/,
    ],
    [
      "a fraction as a position",
      () => np.takeAlongAxis(f32(1, 2), 0.5 as never),
      /np\.takeAlongAxis: indices/,
    ],
    ["fractions as classes", () => nn.oneHot([0.5], 2), /nn\.oneHot: x must have an integer dtype/],
    [
      "a vector as stack of matrices",
      () => np.matvec(f32(1), f32(1)),
      /np\.matvec: x1 must have at least 2 axes/,
    ],
    [
      "a vector as right matrices",
      () => np.vecmat(f32(1), f32(1)),
      /np\.vecmat: x2 must have at least 2 axes/,
    ],
    [
      "a stack among factors",
      () => np.linalg.multiDot([m, np.ones([1, 2, 2]), m]),
      /arrays\[1\] must be a matrix,/,
    ],
    [
      "weights of other axes",
      () => np.average(m, null, { weights: [1, 2] }),
      /np\.average: weights must have/,
    ],
    ["a function that drops all axes", () => np.applyOverAxes((x) => np.sum(x), m, [0]), /drop it alone/],
    ["trigamma of integers", () => lax.trigamma(i32(1)), /trigamma does not accept dtype int32/],
  ])("%s", (_, f, text) => expect(f).toThrow(text));
});

/** JAX: Python int too large to convert to C long, or to int32. */
describe("what points and counts fits into an int32", () => {
  const x = np.arange(10);
  test.each<[name: string, f: (n: number) => unknown]>([
    ["lax.dynamicSlice: starts[0]", (n) => lax.dynamicSlice(x, [n], [3])],
    ["lax.dynamicUpdateSlice: starts[0]", (n) => lax.dynamicUpdateSlice(x, i32(7), [n])],
    ["lax.dynamicIndexInDim: index", (n) => lax.dynamicIndexInDim(x, n)],
    ["lax.foriLoop: lower", (n) => lax.foriLoop(n, n + 3, (_, c) => c.add(1), 0)],
    ["lax.foriLoop: upper", (n) => lax.foriLoop(0, n, (_, c) => c.add(1), 0)],
    ["np.take: indices", (n) => np.take(x, n)],
    ["np.take: indices", (n) => np.take(x, [[1], [n]])],
    ["np.arange: a bound", (n) => np.arange(n, n + 3)],
    ["np.arange: a bound", (n) => np.arange(0, 2 * n, n)],
  ])("%s", (name, f) => {
    for (const n of [2 ** 31, -(2 ** 31) - 1, 2 ** 33])
      expect(() => f(n)).toThrow(`${name} must be an integer of 32 bits (-2147483648 to 2147483647), got `);
  });

  test("a diagonal outside of the matrix is none, however far", () => {
    for (const k of [4, 2 ** 31, 2 ** 40]) {
      expect(np.tri(2, 3, k).js()).toEqual([
        [1, 1, 1],
        [1, 1, 1],
      ]);
      expect(np.tri(2, 3, -k).js()).toEqual([
        [0, 0, 0],
        [0, 0, 0],
      ]);
      expect(np.eye(2, 3, { k }).sum().item()).toBe(0);
      const x = np.ones([2, 3]);
      expect(
        [np.tril(x, k), np.tril(x, -k), np.triu(x, k), np.triu(x, -k)].map((y) => y.sum().item()),
      ).toEqual([6, 0, 0, 6]);
    }
  });
});

describe("errors speak of the function that was called", () => {
  test.each<[name: string, f: () => unknown, text: string]>([
    [
      "elements that do not fill a shape",
      () => np.array([1, 2], { shape: [3] }),
      "np.array: cannot reshape array",
    ],
    [
      "a shape for what is an array",
      () => np.asarray([1], { shape: [1] } as never),
      "np.asarray has no option",
    ],
    ["arrays of two shapes", () => np.stack([[1], [1, 2]]), "np.stack: All input arrays"],
    ["leaves that are no arrays", () => tree.stack([{ a: "b" }, { a: "c" }]), "tree.stack, tree 0: a leaf"],
  ])("%s", (_, f, text) => expect(f).toThrow(text));

  test("a number is a shape of one axis", () =>
    expect(random.randint(random.key(0), 5 as never, 0, 9).js()).toEqual(
      random.randint(random.key(0), [5], 0, 9).js(),
    ));
});

/** Of pairs out of these, as JAX 0.10.2 says. */
describe("which results of heaviside are typed weakly", () => {
  const OPERANDS: Record<string, NDArray | number> = {
    number: 0.5,
    whole: 2,
    float: f32(1),
    integer: i32(1),
    weak: np.asarray(0.5),
    bool: np.array([true]),
    scalar: np.array(1, { dtype: "int32" }),
    truth: np.array(true),
  };
  const WEAK: Record<string, string> = {
    number: "number whole integer weak bool scalar truth",
    whole: "number whole weak bool truth",
    float: "",
    integer: "",
    weak: "number whole integer weak bool scalar truth",
    bool: "",
    scalar: "number weak",
    truth: "number whole weak",
  };
  test.each(Object.entries(WEAK))("%s", (name, weak) => {
    const found = Object.entries(OPERANDS).filter(([, y]) => np.heaviside(OPERANDS[name]!, y).weakType);
    expect(found.map(([other]) => other).join(" ")).toBe(weak);
  });
});
