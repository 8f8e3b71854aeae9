/**
 * The C types of values. A value of a scalar form has an ordinary C type; with lanes it is a vector of the extensions that
 * GCC and Clang share, which fits one register: what has more lanes than that is several such values, called parts.
 */
import { type DType, kindOf, limits } from "../../core/dtype.ts";
import { bitsOf, CLASS, type Class } from "../common/classes.ts";
import type { Prelude } from "./prelude.ts";

/** Element types by the names that the C text uses for them. */
const ELEMENTS = {
  f32: ["float", 4],
  f64: ["double", 8],
  i64: ["long long", 8],
  i32: ["int", 4],
  u32: ["unsigned", 4],
  i16: ["short", 2],
  u16: ["unsigned short", 2],
  i8: ["signed char", 1],
  u8: ["unsigned char", 1],
} as const;
type Element = keyof typeof ELEMENTS;

export const ELEMENT_TYPES: string = Object.entries(ELEMENTS)
  .map(([name, [text]]) => `typedef ${text} ${name};`)
  .join("\n");

/** How elements of a dtype lie in memory. */
export const STORED: Readonly<Record<DType, Element>> = {
  float32: "f32",
  float64: "f64",
  int32: "i32",
  uint32: "u32",
  int16: "i16",
  uint16: "u16",
  int8: "i8",
  uint8: "u8",
  bool: "u8",
};

/** What values of a class are computed in. A bool is 0 or 1 as a scalar, all bits or none in a lane. */
const COMPUTED: Readonly<Record<Class, Element>> = {
  f32: "f32",
  f64: "f64",
  i32: "i32",
  u32: "u32",
  bool: "i32",
};

/** `f32` or `f32x8`. */
export function typeOf(prelude: Prelude, element: Element, lanes: number): string {
  if (lanes === 1) return element;
  const bytes = ELEMENTS[element][1] * lanes;
  return prelude.need(
    `${element}x${lanes}`,
    () => `typedef ${element} ${element}x${lanes} __attribute__((vector_size(${bytes})));`,
  );
}

/** The same type where it lies in memory: aligned as its elements are, and free to alias anything. */
export function memoryType(prelude: Prelude, element: Element, lanes: number): string {
  const type = typeOf(prelude, element, lanes);
  const align = ELEMENTS[element][1];
  return prelude.need(
    `${type}_m`,
    () => `typedef ${type} ${type}_m __attribute__((aligned(${align}), may_alias));`,
  );
}

/** How values of a dtype are held and computed with: as one scalar, or as one vector of `lanes`. */
export class Form {
  readonly prelude: Prelude;
  readonly dtype: DType;
  readonly lanes: number;

  constructor(prelude: Prelude, dtype: DType, lanes: number) {
    this.prelude = prelude;
    this.dtype = dtype;
    this.lanes = lanes;
  }

  get cls(): Class {
    return CLASS[this.dtype];
  }
  get bits(): number {
    return bitsOf(this.dtype);
  }
  get isVector(): boolean {
    return this.lanes > 1;
  }
  /** The C type. */
  get type(): string {
    return typeOf(this.prelude, COMPUTED[this.cls], this.lanes);
  }
  /** Unsigned integers of 32 bits: they wrap where signed ones are undefined. */
  get unsigned(): string {
    return typeOf(this.prelude, "u32", this.lanes);
  }
  /** Masks of 32 bits, which comparisons give. */
  get mask(): string {
    return typeOf(this.prelude, "i32", this.lanes);
  }
  /** Masks as wide as the lanes. */
  get wideMask(): string {
    return typeOf(this.prelude, this.cls === "f64" ? "i64" : "i32", this.lanes);
  }
  /** Distinguishes helper functions: `f32x8`, `i8x4`, `bool`. */
  get suffix(): string {
    const name = this.dtype === "bool" ? "bool" : STORED[this.dtype];
    return this.isVector ? `${name}x${this.lanes}` : name;
  }

  as(dtype: DType, lanes: number = this.lanes): Form {
    return new Form(this.prelude, dtype, lanes);
  }
}

/** A scalar constant. */
export function literal(value: number, dtype: DType): string {
  const cls = CLASS[dtype];
  if (cls === "bool") return value === 0 ? "0" : "1";
  if (cls === "u32") return `${value >>> 0}u`;
  if (cls === "i32") return value === limits("int32").min ? "(-2147483647 - 1)" : negative(String(value));
  const suffix = cls === "f32" ? "f" : "";
  if (Number.isNaN(value)) return `__builtin_nan${suffix}("")`;
  if (!Number.isFinite(value)) return negative(`${value < 0 ? "-" : ""}__builtin_inf${suffix}()`);
  const digits = Object.is(value, -0) ? "-0" : String(value);
  return negative(`${/[.e]/.test(digits) ? digits : `${digits}.0`}${suffix}`);
}

const negative = (text: string): string => (text.startsWith("-") ? `(${text})` : text);

/** A constant or scalar in every lane; the scalar itself without lanes. */
export function splat(form: Form, scalar: string): string {
  if (!form.isVector) return scalar;
  const { type, dtype, lanes } = form;
  const name = form.prelude.need(`splat_${dtype === "bool" ? "bool" : ""}${type}`, () => {
    const value = dtype === "bool" ? "-x" : "x";
    const element = COMPUTED[form.cls];
    return inline(
      form,
      `splat_${dtype === "bool" ? "bool" : ""}${type}`,
      [`${element} x`],
      [`return (${type}){${Array(lanes).fill(value).join(", ")}};`],
    );
  });
  return `${name}(${scalar})`;
}

/** The text of a function that always becomes part of its caller. */
export const inline = (
  result: { readonly type: string },
  name: string,
  params: readonly string[],
  body: readonly string[],
): string => `static INLINE ${result.type} ${name}(${params.join(", ")}) { ${body.join(" ")} }`;

/** Brings the result of 32-bit arithmetic back into the range of a narrow integer. */
export function wrap(form: Form, x: string): string {
  const { dtype, bits } = form;
  if (bits === 32 || kindOf(dtype) === "float" || dtype === "bool") return x;
  if (kindOf(dtype) === "uint") return `(${x} & ${2 ** bits - 1}u)`;
  return `((${form.type})((${form.unsigned})${x} << ${32 - bits}) >> ${32 - bits})`;
}
