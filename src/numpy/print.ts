/** Arrays as text, as NumPy prints them by default. Source: NumPy `arrayprint.py`. */
import type { TypedArray } from "../core/dtype.ts";
import { type DType, kindOf } from "../core/dtype.ts";
import { strides } from "../util/shape.ts";

const PRECISION = 8;
const LINE_WIDTH = 75;
/** Arrays with more elements are summarised, with this many at both ends of every axis. */
const THRESHOLD = 1000;
const EDGE_ITEMS = 3;

type Values = ArrayLike<number>;
type Format = (value: number) => string;

/** `[[1. 2.]\n [3. 4.]]` for row-major `data`. */
export function formatArray(data: TypedArray, shape: readonly number[], dtype: DType): string {
  if (shape.length === 0) return formatScalar(data[0]!, dtype);
  if (data.length === 0) return "[]";
  const edge = data.length > THRESHOLD ? EDGE_ITEMS : Number.POSITIVE_INFINITY;
  const format = FORMATS[kindOf(dtype)](shown(data, shape, edge), dtype);
  return layOut(data, shape, edge, format);
}

/** The positions along an axis that are printed; null stands for the dots. */
const positions = (size: number, edge: number): (number | null)[] =>
  size <= 2 * edge
    ? Array.from({ length: size }, (_, i) => i)
    : [
        ...Array.from({ length: edge }, (_, i) => i),
        null,
        ...Array.from({ length: edge }, (_, i) => size - edge + i),
      ];

/** The values that will be printed: widths depend on them alone. */
function shown(data: Values, shape: readonly number[], edge: number): number[] {
  const steps = strides(shape);
  const visit = (axis: number, offset: number): number[] =>
    axis === shape.length
      ? [data[offset]!]
      : positions(shape[axis]!, edge).flatMap((i) =>
          i === null ? [] : visit(axis + 1, offset + i * steps[axis]!),
        );
  return visit(0, 0);
}

function layOut(data: Values, shape: readonly number[], edge: number, format: Format): string {
  const steps = strides(shape);
  const last = shape.length - 1;
  const visit = (axis: number, offset: number): string => {
    const items = positions(shape[axis]!, edge);
    if (axis === last)
      return row(
        items.map((i) => (i === null ? "..." : format(data[offset + i]!))),
        axis,
        last,
      );
    const parts = items.map((i) => (i === null ? "..." : visit(axis + 1, offset + i * steps[axis]!)));
    return `[${parts.join("\n".repeat(last - axis) + " ".repeat(axis + 1))}]`;
  };
  return visit(0, 0);
}

/** Words on lines of at most {@link LINE_WIDTH} columns, with room for the brackets that close behind them. */
function row(words: readonly string[], axis: number, last: number): string {
  const indent = " ".repeat(axis + 1);
  const lines: string[] = [];
  let line = indent;
  for (const [i, word] of words.entries()) {
    const room = LINE_WIDTH - Math.max(1, i === words.length - 1 ? last + 1 : 1);
    if (line.length + word.length > room && line.length > indent.length) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  lines.push(line.slice(0, -1));
  return `[${lines.join("\n").slice(indent.length)}]`;
}

// ---- how one element is printed, given all that are

const padded =
  (text: Format) =>
  (values: readonly number[]): Format => {
    const width = Math.max(...values.map((v) => text(v).length));
    return (v) => text(v).padStart(width);
  };

const integers: (values: readonly number[]) => Format = padded(String);
const bools: (values: readonly number[]) => Format = padded((v) => (v ? "True" : "False"));

function floats(values: readonly number[], dtype: DType): Format {
  const finite = values.filter(Number.isFinite);
  const sizes = finite.map(Math.abs).filter((v) => v !== 0);
  const [low, high] = [Math.min(...sizes), Math.max(...sizes)];
  const scientific = sizes.length > 0 && (high >= 1e8 || low < 1e-4 || high / low > 1000);
  const split = (v: number): Parts => (scientific ? exponential : positional)(v, DIGITS[dtype]!, PRECISION);
  return aligned(values, finite.map(split), split, scientific ? "0" : " ");
}

/** The printed halves of a number, before and after the point; `exponent` as in e+10. */
interface Parts {
  readonly whole: string;
  readonly fraction: string;
  readonly exponent: string;
}

/** Points stand below each other. */
function aligned(
  values: readonly number[],
  all: readonly Parts[],
  split: (v: number) => Parts,
  fill: string,
): Format {
  const right = Math.max(0, ...all.map((p) => p.fraction.length));
  const exponents = Math.max(0, ...all.map((p) => p.exponent.length));
  const tail = 1 + right + exponents;
  const odd = values.filter((v) => !Number.isFinite(v)).map((v) => special(v).length - tail);
  const left = Math.max(0, ...all.map((p) => p.whole.length), ...odd);
  return (v) => {
    if (!Number.isFinite(v)) return special(v).padStart(left + tail);
    const { whole, fraction, exponent } = split(v);
    return `${whole.padStart(left)}.${fraction.padEnd(right, fill)}${exponent}`;
  };
}
const special = (v: number): string => (Number.isNaN(v) ? "nan" : v > 0 ? "inf" : "-inf");
const signOf = (v: number): string => (v < 0 || Object.is(v, -0) ? "-" : "");

type Digits = (v: number) => string;
/** The fewest digits in scientific notation that name this float32 and no other. */
function shortestFloat32(v: number): string {
  for (let digits = 0; digits < 9; digits++) {
    const text = v.toExponential(digits);
    if (Math.fround(Number(text)) === v) return text;
  }
  return v.toExponential(9);
}
const DIGITS: Partial<Record<DType, Digits>> = {
  float32: shortestFloat32,
  float64: (v) => v.toExponential(),
};

/** Decimal digits of |v| and the power of ten of the first one. */
function decimal(v: number, digitsOf: Digits): [digits: string, power: number] {
  const [mantissa, exponent] = digitsOf(Math.abs(v)).split("e") as [string, string];
  return [mantissa.replace(".", ""), Number(exponent)];
}

/** Digits cut to `count`, half to even on the decimal text; a carry raises the power. */
function rounded(digits: string, power: number, count: number): [string, number] {
  if (digits.length <= count) return [digits, power];
  if (count < 0) return ["0", 0];
  const kept = BigInt(`0${digits.slice(0, count)}`);
  const rest = digits.slice(count);
  const half = `5${"0".repeat(rest.length - 1)}`;
  const up = rest > half || (rest === half && kept % 2n === 1n);
  const text = String(up ? kept + 1n : kept).padStart(count, "0");
  return text.length > count ? [text, power + 1] : [text, power];
}

function positional(v: number, digitsOf: Digits, precision: number): Parts {
  const [exact, exactPower] = decimal(v, digitsOf);
  const [digits, power] = rounded(exact, exactPower, exactPower + 1 + precision);
  const shifted = power >= 0 ? digits.padEnd(power + 1, "0") : "0".repeat(-power) + digits;
  const point = Math.max(power, 0) + 1;
  return {
    whole: signOf(v) + shifted.slice(0, point),
    fraction: shifted.slice(point).replace(/0+$/, ""),
    exponent: "",
  };
}

function exponential(v: number, digitsOf: Digits, precision: number): Parts {
  const [digits, power] = rounded(...decimal(v, digitsOf), precision + 1);
  const exponent = String(Math.abs(power)).padStart(2, "0");
  return {
    whole: signOf(v) + digits[0]!,
    fraction: digits.slice(1).replace(/0+$/, ""),
    exponent: `e${power < 0 ? "-" : "+"}${exponent}`,
  };
}

const FORMATS: Readonly<
  Record<ReturnType<typeof kindOf>, (values: readonly number[], dtype: DType) => Format>
> = {
  float: floats,
  int: integers,
  uint: integers,
  bool: bools,
};

// ---- arrays without axes print as scalars: all digits, none superfluous

/** Sizes from which on floats are written with an exponent. */
const LARGE: Partial<Record<DType, number>> = { float32: 1e6, float64: 1e16 };

function formatScalar(value: number, dtype: DType): string {
  if (kindOf(dtype) !== "float") return FORMATS[kindOf(dtype)]([value], dtype)(value);
  if (!Number.isFinite(value)) return special(value);
  const size = Math.abs(value);
  const fixed = size === 0 || (size >= 1e-4 && size < LARGE[dtype]!);
  const { whole, fraction, exponent } = (fixed ? positional : exponential)(value, DIGITS[dtype]!, 20);
  return fixed ? `${whole}.${fraction || "0"}` : `${whole}${fraction && `.${fraction}`}${exponent}`;
}
