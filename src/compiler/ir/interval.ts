/** What is known of an int32 without running the program: between which numbers it lies. */
import type { DType } from "../../core/dtype.ts";
import { foldBinary } from "./fold.ts";
import type { Affine, Expr, IndexAtom } from "./nodes.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** It follows from loop variables alone, so whoever knows those knows it. */
  readonly computed: boolean;
}

const point = (x: number): Interval => ({ low: x, high: x, computed: true });
export const isPoint = (x: Interval): boolean => x.low === x.high;
const anywhere = (computed: boolean): Interval => ({ low: -Infinity, high: Infinity, computed });
/** Of what loops change, and of what the program's data decides. */
export const COMPUTED: Interval = anywhere(true);
export const DATA: Interval = anywhere(false);

type Known = (atom: IndexAtom) => Interval;

/** The interval of an expression that is an index or decides about one. */
export function intervalOf(e: Expr, known: Known, memo: Map<Expr, Interval> = new Map()): Interval {
  let found = memo.get(e);
  if (!found)
    memo.set(e, (found = isWhole(e.dtype) ? node(e, known, (x) => intervalOf(x, known, memo)) : DATA));
  return found;
}

const isWhole = (dtype: DType): boolean => dtype === "int32" || dtype === "bool";

function node(e: Expr, known: Known, of: (e: Expr) => Interval): Interval {
  switch (e.op) {
    case "const":
      return point(e.value);
    case "index":
      return intervalOfIndex(e.index, known);
    case "local":
      return known(e.local);
    case "convert":
      return of(e.x);
    case "binary":
      return binary(e, of(e.x), of(e.y));
    case "select": {
      const [cond, x, y] = [of(e.cond), of(e.x), of(e.y)];
      if (isPoint(cond)) return cond.low !== 0 ? x : y;
      const computed = cond.computed && x.computed && y.computed;
      return { low: Math.min(x.low, y.low), high: Math.max(x.high, y.high), computed };
    }
    default:
      return DATA;
  }
}

function intervalOfIndex(a: Affine, known: Known): Interval {
  return a.terms.reduce((sum, { atom, coeff }) => add(sum, scaled(known(atom), coeff)), point(a.offset));
}

const add = (x: Interval, y: Interval): Interval => ({
  low: x.low + y.low,
  high: x.high + y.high,
  computed: x.computed && y.computed,
});
const scaled = ({ low, high, computed }: Interval, k: number): Interval =>
  k >= 0 ? { low: low * k, high: high * k, computed } : { low: high * k, high: low * k, computed };

function binary(e: Extract<Expr, { op: "binary" }>, x: Interval, y: Interval): Interval {
  const computed = x.computed && y.computed;
  if (isPoint(x) && isPoint(y)) {
    const value = foldBinary(e.fn, x.low, y.low, e.x.dtype, e.dtype);
    return value === undefined ? anywhere(computed) : point(value);
  }
  const between = (low: number, high: number): Interval => ({ low, high, computed });
  switch (e.fn) {
    case "add":
      return wrapped(add(x, y));
    case "sub":
      return wrapped(add(x, scaled(y, -1)));
    case "mul":
      return isPoint(y) ? wrapped({ ...scaled(x, y.low), computed }) : anywhere(computed);
    case "max":
      return between(Math.max(x.low, y.low), Math.max(x.high, y.high));
    case "min":
      return between(Math.min(x.low, y.low), Math.min(x.high, y.high));
    case "div":
      return isPoint(y) && y.low > 0 && x.low >= 0
        ? between(Math.floor(x.low / y.low), Math.floor(x.high / y.low))
        : anywhere(computed);
    case "rem":
      return isPoint(y) && y.low > 0 && x.low >= 0
        ? between(0, Math.min(x.high, y.low - 1))
        : anywhere(computed);
    default:
      return e.dtype === "bool" ? between(0, 1) : anywhere(computed);
  }
}

/** Beyond 32 bits it is another number. */
const wrapped = (x: Interval): Interval =>
  x.low < -(2 ** 31) || x.high >= 2 ** 31 ? anywhere(x.computed) : x;
