/** C, with the vectors that GCC and Clang share, as a dialect. */
import type { DType } from "../../core/dtype.ts";
import { isNarrowInteger } from "../common/classes.ts";
import type { Dialect, Form as Shape, Written } from "../text/dialect.ts";
import { bitcast, convert } from "./convert.ts";
import { binary, clampBy, multiplyAdd, select, shiftBy, unary } from "./ops.ts";
import type { Prelude } from "./prelude.ts";
import { Form, literal, memoryType, STORED, splat, typeOf } from "./types.ts";

/** @param fma the machine has multiply-add */
export function dialectOf(prelude: Prelude, fma: boolean): Dialect {
  const form = ({ dtype, lanes }: Shape): Form => new Form(prelude, dtype, lanes);
  return {
    language: "C",
    type: (of) => form(of).type,
    indexType: "i64",
    constant: (type, name, value) => `const ${type} ${name} = ${value};`,
    variable: (type, name, value) => `${type} ${name} = ${value};`,

    loop: (v, low, high, step) => `for (i64 ${v} = ${low}; ${v} < ${high}; ${v} += ${step})`,
    forever: "for (;;)",
    choose: (index) => `switch (${index})`,
    branch: (i) => `case ${i}:`,
    leaveUnless: (condition) => `if (!(${condition})) break;`,
    endBranch: "break;",

    literal,
    splat: (of, scalar) => splat(form(of), scalar),
    unary: (fn, of, x) => unary(fn, form(of), x),
    binary: (fn, of, x, y) => byConstant(fn, form(of), x, y) ?? binary(fn, form(of), x.text(), y.text()),
    multiplyAdd: (of, x, y, z) => multiplyAdd(form(of), fma, x, y, z),
    select: (of, condition, x, y) => select(form(of), condition, x, y),
    convert: (from, to, x) => convert(form(from), to, x),
    bitcast: (from, to, x) => bitcast(form(from), to, x),

    indexOf: (name) => `(i64)${name}`,
    indexValue: (index) => `(i32)(${index})`,
    indexLanes(of, first, steps) {
      const { type, unsigned } = form(of);
      const start = splat(new Form(prelude, "uint32", of.lanes), `(u32)(${first})`);
      return `(${type})(${start} + (${unsigned}){${steps.map((step) => `${step >>> 0}u`).join(", ")}})`;
    },

    element: (pointer, index) => `${pointer}[${index}]`,
    run: ({ dtype, lanes }, pointer, index) =>
      `*(${memoryType(prelude, STORED[dtype], lanes)} *)(${pointer} + ${index})`,
    unpacked: (of, run) => signOf(of.dtype) + widened(form(of), run),
    gathered: (of, elements) => `${signOf(of.dtype)}(${form(of).type}){${elements.join(", ")}}`,
    packed({ dtype, lanes }, value) {
      if (dtype !== "bool" && !isNarrowInteger(dtype)) return value;
      const type = typeOf(prelude, STORED[dtype], lanes);
      return `__builtin_convertvector(${dtype === "bool" ? `(-${value})` : value}, ${type})`;
    },
    // Masks become 0 or 1.
    laneOf: (vector, lane, dtype) => (dtype === "bool" ? `(${vector}[${lane}] & 1)` : `${vector}[${lane}]`),
  };
}

/** A bool in memory is 1, and all bits in a lane. */
const signOf = (dtype: DType): string => (dtype === "bool" ? "-" : "");

function byConstant(fn: string, form: Form, x: Written, y: Written): string | undefined {
  if (y.constant !== undefined)
    return shiftBy(fn, form, x.text(), y.constant) ?? clampBy(fn, form, x.text(), y.constant);
  return x.constant === undefined ? undefined : clampBy(fn, form, y.text(), x.constant);
}

/** Narrow elements in lanes of 32 bits, by way of 16: compilers know instructions for a step of two only. */
function widened({ dtype, prelude, lanes, type }: Form, run: string): string {
  const stored = STORED[dtype];
  if (!isNarrowInteger(dtype) && dtype !== "bool") return run;
  const half = stored === "u8" ? "u16" : stored === "i8" ? "i16" : undefined;
  const wider = half ? `__builtin_convertvector(${run}, ${typeOf(prelude, half, lanes)})` : run;
  return `__builtin_convertvector(${wider}, ${type})`;
}
