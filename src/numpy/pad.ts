/** `pad`. */
import { type ArrayLike, NDArray } from "../core/array.ts";
import { checkCount } from "../core/check.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { range } from "../lax/axes.ts";
import { convertTo } from "../lax/cast.ts";
import { asArray } from "../lax/convert.ts";
import { pad as laxPad } from "../lax/slice.ts";
import { checkChoice, checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";
import { show } from "../util/text.ts";
import { take } from "./select.ts";

type Pair = readonly [before: number, after: number];
/** One number or pair for all axes, a pair per axis, or pairs by axis (other axes are left alone). */
export type PadWidth = number | Pair | readonly Pair[] | Readonly<Record<number, Pair>>;

export interface PadOptions {
  /**
   * What to pad with: a constant (default), the edge, the values mirrored at the edge with ("symmetric") or without
   * ("reflect") the edge itself, or the values of the other end ("wrap").
   */
  readonly mode?: "constant" | "edge" | "reflect" | "symmetric" | "wrap";
  /** Default 0. */
  readonly constantValues?: ArrayLike;
}

function pairs(width: PadWidth, ndim: number): Pair[] {
  if (typeof width !== "object" || width === null || width instanceof NDArray) {
    const w = checkCount("np.pad: width", width);
    return range(ndim).map(() => [w, w]);
  }
  if (!Array.isArray(width)) {
    const byAxis = new Map(
      Object.entries(width).map(([axis, pair]) => [
        canonicalAxis("np.pad: axis", Number(axis), ndim),
        pair as Pair,
      ]),
    );
    return range(ndim).map((axis) => byAxis.get(axis) ?? [0, 0]);
  }
  const list = width as readonly (number | Pair)[];
  if (list.length === 2 && list.every((w) => typeof w === "number"))
    return range(ndim).map(() => list as unknown as Pair);
  if (list.length === 1 && Array.isArray(list[0])) return range(ndim).map(() => list[0] as Pair);
  if (list.length === ndim && list.every(Array.isArray)) return list as Pair[];
  throw new WeftTypeError(`np.pad: width ${show(width)} does not fit an array of ${ndim} axes.`);
}

const modulo = (i: number, n: number): number => ((i % n) + n) % n;
/** Mirrored with period 2n: 0 … n-1, n-1 … 0. */
const mirrored = (i: number, n: number): number => Math.min(modulo(i, 2 * n), 2 * n - 1 - modulo(i, 2 * n));

/** Which element stands at position i outside of an axis of size n. */
const SOURCES: Readonly<Record<string, (i: number, n: number) => number>> = {
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  wrap: modulo,
  symmetric: mirrored,
  reflect: (i, n) => (n === 1 ? 0 : n - 1 - Math.abs(n - 1 - modulo(i, 2 * (n - 1)))),
};

/**
 * x with elements added before and after it along its axes.
 * @throws WeftTypeError if the widths do not fit, WeftValueError if they are negative or an empty axis has nothing to
 * repeat.
 * @example np.pad([1, 2], [1, 2]).js() // => [0, 1, 2, 0, 0]
 */
export function pad(x: ArrayLike, width: PadWidth, options: PadOptions = {}): NDArray {
  const { mode = "constant", constantValues = 0 } = checkOptions("np.pad", options, [
    "mode",
    "constantValues",
  ]);
  const a = asArray("np.pad: x", x);
  const widths = pairs(width, a.ndim);
  for (const w of widths.flat()) checkCount("np.pad: width", w);
  checkChoice("np.pad: mode", mode, ["constant", ...Object.keys(SOURCES)]);
  if (mode === "constant")
    return laxPad(
      a,
      convertTo(asArray("np.pad: constantValues", constantValues), a),
      widths.map(([low, high]) => [low, high, 0]),
    );
  const source = SOURCES[mode]!;
  return widths.reduce((y, [low, high], axis) => extend(y, axis, low, high, source), a);
}

function extend(
  x: NDArray,
  axis: number,
  low: number,
  high: number,
  source: (i: number, n: number) => number,
): NDArray {
  const n = x.shape[axis]!;
  if (low === 0 && high === 0) return x;
  if (n === 0)
    throw new WeftValueError(
      `np.pad: axis ${axis} of an array of type ${x.aval} is empty, there is nothing to repeat.`,
    );
  return take(
    x,
    Int32Array.from(range(low + n + high), (i) => source(i - low, n)),
    axis,
    { mode: "clip" },
  );
}
