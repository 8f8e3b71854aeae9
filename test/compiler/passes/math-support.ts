/** Expressions as JavaScript functions, and samples and measures of floats. */
import type { Expr, Local } from "../../../src/compiler/ir/nodes.ts";
import { forEachExpr } from "../../../src/compiler/ir/visit.ts";
import { FAR } from "../../../src/core/scalar.ts";

/** One rounding, or a rounded product and a rounded sum. */
export type FmaMode = "fused" | "separate";

/** Every distinct node but leaves: what a machine executes. */
export function countOperations(root: Expr): number {
  let count = 0;
  forEachExpr(root, (e) => {
    if (!["const", "local", "bitcast"].includes(e.op)) count++;
  });
  return count;
}

const BINARY: Readonly<Record<string, (x: string, y: string, limit: number) => string>> = {
  add: (x, y) => `${x} + ${y}`,
  sub: (x, y) => `${x} - ${y}`,
  mul: (x, y) => `${x} * ${y}`,
  div: (x, y) => `${x} / ${y}`,
  copysign: (x, y) => `copysign(${x}, ${y})`,
  farSin: (x, y, limit) => `Math.abs(${x}) >= ${limit} ? Math.sin(${x}) : ${y}`,
  farCos: (x, y, limit) => `Math.abs(${x}) >= ${limit} ? Math.cos(${x}) : ${y}`,
  farTan: (x, y, limit) => `Math.abs(${x}) >= ${limit} ? Math.tan(${x}) : ${y}`,
  and: (x, y) => `${x} & ${y}`,
  or: (x, y) => `${x} | ${y}`,
  xor: (x, y) => `${x} ^ ${y}`,
  shl: (x, y) => `${x} << ${y}`,
  shrArith: (x, y) => `${x} >> ${y}`,
  eq: (x, y) => `+(${x} === ${y})`,
  ne: (x, y) => `+(${x} !== ${y})`,
  lt: (x, y) => `+(${x} < ${y})`,
  gt: (x, y) => `+(${x} > ${y})`,
  ge: (x, y) => `+(${x} >= ${y})`,
};
const UNARY: Readonly<Record<string, (x: string) => string>> = {
  neg: (x) => `-${x}`,
  abs: (x) => `Math.abs(${x})`,
  sqrt: (x) => `Math.sqrt(${x})`,
  rint: (x) => `rint(${x})`,
};

const bytes = new DataView(new ArrayBuffer(8));
const HELPERS = {
  fround: Math.fround,
  copysign: (x: number, y: number): number => (y < 0 || Object.is(y, -0) ? -Math.abs(x) : Math.abs(x)),
  rint(x: number): number {
    if (!(Math.abs(x) < 2 ** 52)) return x;
    const magic = x < 0 || Object.is(x, -0) ? -(2 ** 52) : 2 ** 52;
    return x + magic - magic || (magic < 0 ? -0 : 0);
  },
  /** Dekker's product and Knuth's sum: one rounding but for doubly rare ties. */
  fma(x: number, y: number, z: number): number {
    const p = x * y;
    const s = p + z;
    if (!Number.isFinite(s) || Math.abs(p) > 2 ** 900 || Math.abs(p) < 2 ** -900) return s;
    const split = (v: number): [number, number] => {
      const c = v * 134217729;
      const head = c - (c - v);
      return [head, v - head];
    };
    const [[a, b], [c, d]] = [split(x), split(y)];
    const low = a * c - p + a * d + b * c + b * d;
    const t = s - p;
    return s + (p - (s - t) + (z - t) + low);
  },
  toInt: (x: number): number =>
    Number.isNaN(x) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(x))) | 0,
  bits(x: number): number {
    bytes.setFloat32(0, x);
    return bytes.getInt32(0);
  },
  ofBits(x: number): number {
    bytes.setInt32(0, x);
    return bytes.getFloat32(0);
  },
};

function round(dtype: string, code: string): string {
  return dtype === "float32" ? `fround(${code})` : dtype === "int32" ? `(${code}) | 0` : code;
}

function codeOf(e: Expr, name: (e: Expr) => string, mode: FmaMode): string {
  switch (e.op) {
    case "const":
      return Object.is(e.value, -0) ? "-0" : `${e.value}`;
    case "unary": {
      const fn = UNARY[e.fn];
      if (!fn) throw new Error(`no machine has ${e.fn}`);
      return round(e.dtype, fn(name(e.x)));
    }
    case "binary": {
      const fn = BINARY[e.fn];
      if (!fn) throw new Error(`no machine has ${e.fn}`);
      return round(e.dtype, fn(name(e.x), name(e.y), FAR[e.dtype as keyof typeof FAR]));
    }
    case "fma": {
      const [x, y, z] = [name(e.x), name(e.y), name(e.z)];
      if (mode === "separate") return round(e.dtype, `${round(e.dtype, `${x} * ${y}`)} + ${z}`);
      return e.dtype === "float32" ? `fround(${x} * ${y} + ${z})` : `fma(${x}, ${y}, ${z})`;
    }
    case "select":
      return `${name(e.cond)} ? ${name(e.x)} : ${name(e.y)}`;
    case "convert":
      return e.dtype === "int32" ? `toInt(${name(e.x)})` : round(e.dtype, name(e.x));
    case "bitcast":
      return e.dtype === "int32" ? `bits(${name(e.x)})` : `ofBits(${name(e.x)})`;
    default:
      throw new Error(`unexpected ${e.op}`);
  }
}

/** The function of `params` that an expression over them computes, written out and compiled. */
export function compile(root: Expr, params: readonly Local[], mode: FmaMode): (...xs: number[]) => number {
  const names = new Map<Expr, string>();
  const lines: string[] = [];
  forEachExpr(root, (e) => {
    const known = e.op === "local" ? params.indexOf(e.local) : -1;
    names.set(e, known >= 0 ? `x${known}` : `v${names.size}`);
    if (known < 0) lines.push(`const ${names.get(e)} = ${codeOf(e, (o) => names.get(o)!, mode)};`);
  });
  const xs = params.map((_, i) => `x${i}`).join(", ");
  const body = `return (${xs}) => { ${lines.join("\n")}\nreturn ${names.get(root)}; }`;
  return new Function(...Object.keys(HELPERS), body)(...Object.values(HELPERS));
}

// ---------------------------------------------------------------------------------------------- samples

export const EDGES: readonly number[] = [
  0,
  1,
  0.5,
  2,
  2 ** -126,
  2 ** -149,
  3.4028234663852886e38,
  Number.POSITIVE_INFINITY,
]
  .flatMap((x) => [x, -x])
  .concat(Number.NaN);

/** Every `stride`-th bit pattern. */
export function* patterns(stride: number): Generator<number> {
  for (let bits = 0; bits < 2 ** 32; bits += stride) yield HELPERS.ofBits(bits | 0);
}
/** Evenly spaced. */
export function* spread(low: number, high: number, count: number): Generator<number> {
  for (let i = 0; i <= count; i++) yield low + ((high - low) * i) / count;
}

/** x and the floats beside it. */
export function neighbours(x: number): number[] {
  const bits = HELPERS.bits(x);
  return [bits - 1, bits, bits + 1].map(HELPERS.ofBits);
}
/** Pairs of bit patterns, and pairs of moderate numbers; of powers, such that most results are finite. */
export function* randomPairs(positive: boolean, count: number): Generator<[number, number]> {
  let state = 12345;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) | 0);
  const unit = (): number => next() / 2 ** 31;
  for (let i = 0; i < count; i++) {
    if (i % 3 === 0) yield [HELPERS.ofBits(next()), HELPERS.ofBits(next())];
    else if (positive) yield pairOfPower(unit() * (i % 3 === 1 ? 128 : 0.01), unit() * 150);
    else yield [unit() * 10, unit() * 10];
  }
}
/** x = 2^exponent and y with x^y = 2^result. */
const pairOfPower = (exponent: number, result: number): [number, number] => [
  2 ** exponent,
  result / exponent,
];

// ---------------------------------------------------------------------------------------------- measures

/** The distance between neighbours of x, as float32 or float64. */
export function ulp(x: number, digits: 24 | 53): number {
  const smallest = digits === 24 ? -149 : -1074;
  return 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) + 1 - digits, smallest);
}

/** |got - want| in units of the last place of `scale`; infinite for a wrong infinity, NaN or sign of zero. */
export function distance(got: number, want: number, digits: 24 | 53, scale: number): number {
  const rounded = digits === 24 ? Math.fround(want) : want;
  if (Object.is(got, rounded)) return 0;
  if (!Number.isFinite(rounded) || !Number.isFinite(got) || want === 0) return Number.POSITIVE_INFINITY;
  return Math.abs(got - want) / ulp(scale, digits);
}
