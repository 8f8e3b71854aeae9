/** Conversions between dtypes, of scalars and of lanes. */
import { type DType, isFloat, kindOf, limits } from "../../core/dtype.ts";
import { binary } from "./ops.ts";
import { type Form, inline, literal, splat, wrap } from "./types.ts";
import * as x86 from "./x86.ts";

/** C's own conversion of a value, lane by lane. */
const cast = (to: Form, x: string): string =>
  to.isVector ? `__builtin_convertvector(${x}, ${to.type})` : `(${to.type})${x}`;

/** A value of form `from` as dtype `dtype`: floats saturate, integers wrap, bools are `!= 0`. */
export function convert(from: Form, dtype: DType, x: string): string {
  const to = from.as(dtype);
  if (from.dtype === dtype) return x;
  if (dtype === "bool") return binary("ne", from, x, splat(from, literal(0, from.dtype)));
  const value = from.dtype === "bool" && from.isVector ? `(-${x})` : x;
  if (isFloat(dtype)) return cast(to, value);
  return isFloat(from.dtype) ? truncated(from, to, x) : wrap(to, `((${to.type})${value})`);
}

/** Towards zero; what is out of range becomes the nearest limit, NaN becomes 0. */
function truncated(from: Form, to: Form, x: string): string {
  const { min, max } = limits(to.dtype);
  // As a float32, the largest integer rounds up to the first number that is out of range.
  const [low, high] = [min, max].map((bound) =>
    literal(from.cls === "f32" ? Math.fround(bound) : bound, from.dtype),
  );
  const [least, most] = [literal(min, to.dtype), literal(max, to.dtype)];
  if (!from.isVector)
    return `(${x} != ${x} ? 0 : ${x} <= ${low} ? ${least} : ${x} >= ${high} ? ${most} : (${to.type})${x})`;
  const name = `${to.suffix}_of_${from.suffix}`;
  const { type: f, wideMask: m } = from;
  const narrow = (mask: string): string =>
    `(${to.type})${m === from.mask ? `(${mask})` : `__builtin_convertvector(${mask}, ${from.mask})`}`;
  const clamped = [
    `const ${m} in = (x > ${low}) & (x < ${high});`,
    `const ${to.type} r = __builtin_convertvector((${f})(in & (${m})x), ${to.type});`,
    `return r | (${narrow(`x >= ${high}`)} & ${splat(to, most)}) | (${narrow(`x <= ${low}`)} & ${splat(to, least)});`,
  ];
  const body = to.dtype === "int32" ? x86.toInt32(from, narrow, clamped) : clamped;
  const define = (): string => inline(to, name, [`${f} x`], body);
  return `${to.prelude.need(name, define)}(${x})`;
}

/** The same bits as another dtype of the same width. */
export function bitcast(from: Form, dtype: DType, x: string): string {
  const to = from.as(dtype);
  if (from.dtype === dtype) return x;
  if (from.dtype === "bool" || dtype === "bool") return convert(from, dtype, x);
  if (from.isVector || (kindOf(from.dtype) !== "float") === (kindOf(dtype) !== "float"))
    return wrap(to, `((${to.type})${x})`);
  const name = `${to.suffix}_bits_of_${from.suffix}`;
  const define = (): string =>
    inline(
      to,
      name,
      [`${from.type} x`],
      [`${to.type} r;`, `__builtin_memcpy(&r, &x, ${from.bits / 8});`, "return r;"],
    );
  return `${to.prelude.need(name, define)}(${x})`;
}
