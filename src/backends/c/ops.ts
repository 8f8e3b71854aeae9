/**
 * What a scalar function becomes in C, by class of its operands. Operands are names or constants, so a template may repeat
 * them. A function without a template for vectors is a loop over the lanes, which compilers turn into vector instructions
 * where there are any (integer extrema, shifts); what GCC finds on no x86 is in x86.ts.
 */

import { isFloat, limits } from "../../core/dtype.ts";
import type { BinaryFn, UnaryFn } from "../../core/lowering.ts";
import { type BasicBinary, type BasicUnary, FAR, type MachineFn } from "../../core/scalar.ts";
import { type Class, isNarrowInteger, LEAVES_RANGE } from "../common/classes.ts";
import { notExpanded } from "../common/not-expanded.ts";
import { type Form, inline, literal, splat, wrap } from "./types.ts";
import * as x86 from "./x86.ts";

type Template = (form: Form, x: string, y: string) => string;
type Row = Partial<Record<Class, Template>>;
type Fn = BasicUnary | BasicBinary | MachineFn;
type Table = Partial<Record<Fn, Row>>;

const floats = (t: Template): Row => ({ f32: t, f64: t });
const ints = (t: Template): Row => ({ i32: t, u32: t });
const bits = (t: Template): Row => ({ ...ints(t), bool: t });

const infix =
  (op: string): Template =>
  (_, x, y) =>
    `${x} ${op} ${y}`;
/** Arithmetic that wraps. */
const modular =
  (op: string): Template =>
  ({ type, unsigned }, x, y) =>
    `(${type})((${unsigned})${x} ${op} (${unsigned})${y})`;
const arithmetic = (op: string): Row => ({ ...floats(infix(op)), ...ints(modular(op)) });
const comparison =
  (op: string): Template =>
  (form, x, y) =>
    narrowed(form, `${x} ${op} ${y}`);
const compare = (op: string): Row => ({ ...floats(comparison(op)), ...bits(comparison(op)) });

/** A function of C's library or a builtin: `sqrtf`, `sqrt`. */
const builtin =
  (name: string): Template =>
  ({ cls }, x, y) =>
    `__builtin_${name}${cls === "f32" ? "f" : ""}(${y === "" ? x : `${x}, ${y}`})`;

/** Templates that mean the same for a scalar and for lanes. */
const ANY: Table = {
  neg: { ...floats((_, x) => `-${x}`), ...ints(({ type, unsigned }, x) => `(${type})-(${unsigned})${x}`) },
  abs: { u32: (_, x) => x },
  not: ints((_, x) => `~${x}`),
  add: { ...arithmetic("+"), bool: infix("|") },
  sub: arithmetic("-"),
  mul: { ...arithmetic("*"), bool: infix("&") },
  div: floats(infix("/")),
  max: { bool: infix("|") },
  min: { bool: infix("&") },
  and: bits(infix("&")),
  or: bits(infix("|")),
  xor: bits(infix("^")),
  eq: compare("=="),
  ne: compare("!="),
  lt: compare("<"),
  le: compare("<="),
  gt: compare(">"),
  ge: compare(">="),
};

/** The bits of the dtype, without what extends them to 32. */
const lowBits = ({ bits: width }: Form, x: string): string =>
  width === 32 ? `(u32)${x}` : `((u32)${x} & ${2 ** width - 1}u)`;
const signExtended = (form: Form, x: string): string =>
  form.bits === 32 ? `(i32)${x}` : `(i32)(i${form.bits})${x}`;

const MIN_I32 = literal(limits("int32").min, "int32");
const divideSigned: Template = (_, x, y) =>
  `(${y} == 0 ? -1 : ${x} == ${MIN_I32} && ${y} == -1 ? ${x} : ${x} / ${y})`;
const remainderSigned: Template = (_, x, y) => `(${y} == 0 ? ${x} : ${y} == -1 ? 0 : ${x} % ${y})`;
const extremum =
  (op: string): Template =>
  (_, x, y) =>
    `(${x} ${op} ${y} ? ${x} : ${y})`;
/** NaN wins, and -0 is less than 0. */
const floatExtremum =
  (op: ">" | "<"): Template =>
  (_, x, y) => {
    const [negative, positive] = op === ">" ? [y, x] : [x, y];
    const tie = `(__builtin_signbit(${x}) ? ${negative} : ${positive})`;
    return `(${x} == ${y} ? ${tie} : ${x} ${op} ${y} || ${x} != ${x} ? ${x} : ${y})`;
  };
/**
 * C's function for far arguments: in double precision, as everywhere, and for doubles in the next higher one, if there is any. Next to
 * multiples of a quarter turn glibc's own for doubles are off by up to 14 ulp.
 */
const farMath = (math: string, dtype: string): string => `__builtin_${math}${dtype === "float64" ? "l" : ""}`;
/** By C's function where x is far; else y. */
const farScalar =
  (math: string): Template =>
  ({ type, dtype }, x, y) =>
    `(__builtin_fabs(${x}) >= ${literal(FAR[dtype as keyof typeof FAR], "float64")} ? (${type})${farMath(math, dtype)}(${x}) : ${y})`;
const within = (form: Form, y: string, then: string, otherwise: string): string =>
  `((u32)${y} < ${form.bits}u ? ${then} : ${otherwise})`;

const SCALAR: Table = {
  abs: { ...floats(builtin("fabs")), i32: ({ type }, x) => `(${x} < 0 ? (${type})-(u32)${x} : ${x})` },
  not: { bool: (_, x) => `!${x}` },
  sqrt: floats(builtin("sqrt")),
  floor: floats(builtin("floor")),
  ceil: floats(builtin("ceil")),
  trunc: floats(builtin("trunc")),
  rint: floats(builtin("rint")),
  popcount: ints((form, x) => `__builtin_popcount(${lowBits(form, x)})`),
  clz: ints((form, x) => {
    const own = lowBits(form, x);
    return `(${own} == 0 ? ${form.bits} : __builtin_clz(${own}) - ${32 - form.bits})`;
  }),
  div: { i32: divideSigned, u32: (_, x, y) => `(${y} == 0 ? -1u : ${x} / ${y})` },
  rem: {
    ...floats(builtin("fmod")),
    i32: remainderSigned,
    u32: (_, x, y) => `(${y} == 0 ? ${x} : ${x} % ${y})`,
  },
  max: { ...floats(floatExtremum(">")), ...ints(extremum(">")) },
  min: { ...floats(floatExtremum("<")), ...ints(extremum("<")) },
  copysign: floats(builtin("copysign")),
  farSin: floats(farScalar("sin")),
  farCos: floats(farScalar("cos")),
  farTan: floats(farScalar("tan")),
  shl: ints((form, x, y) => within(form, y, `(${form.type})((u32)${x} << ${y})`, "0")),
  shrLogical: ints((form, x, y) => within(form, y, `(${form.type})(${lowBits(form, x)} >> ${y})`, "0")),
  shrArith: ints((form, x, y) => {
    const shifted = `${signExtended(form, x)} >> ${within(form, y, y, String(form.bits - 1))}`;
    return `(${form.type})(${shifted})`;
  }),
};

/** All bits but the sign, as an integer constant as wide as a lane. */
const magnitudeBits = ({ cls }: Form): string => (cls === "f64" ? "0x7fffffffffffffffLL" : "0x7fffffff");
const vectorExtremum =
  (op: "max" | "min", sign: ">" | "<", zeros: "&" | "|"): Template =>
  (form, x, y) => {
    const name = `${op}_${form.suffix}`;
    const { type: t, wideMask: m } = form;
    const define = (): string =>
      inline(
        form,
        name,
        [`${t} x`, `${t} y`],
        x86.extremum(form, op, [
          `const ${m} tie = x == y, first = (x ${sign} y) | (x != x), a = (${m})x, b = (${m})y;`,
          `return (${t})((tie & (a ${zeros} b)) | (~tie & ((first & a) | (~first & b))));`,
        ]),
      );
    return `${form.prelude.need(name, define)}(${x}, ${y})`;
  };
/** One test and no call as long as no lane is far. */
const farVector =
  (math: string): Template =>
  (form, x, y) => {
    const { type: t, wideMask: m, lanes } = form;
    const limit = splat(form, literal(FAR[form.dtype as keyof typeof FAR], form.dtype));
    const define = (): string =>
      inline(
        form,
        `far_${math}_${form.suffix}`,
        [`${t} x`, `${t} y`],
        [
          `const ${m} far = (${t})((${m})x & ${magnitudeBits(form)}) >= ${limit};`,
          ...x86.anyLane(form, "far", [
            `int any = 0; for (int l = 0; l < ${lanes}; l++) any |= (int)far[l];`,
          ]),
          `if (__builtin_expect(any, 0)) for (int l = 0; l < ${lanes}; l++) if (far[l]) y[l] = ${farMath(math, form.dtype)}(x[l]);`,
          "return y;",
        ],
      );
    return `${form.prelude.need(`far_${math}_${form.suffix}`, define)}(${x}, ${y})`;
  };
type OrLanes = (form: Form, lanes: readonly string[]) => readonly string[];
/** What x86 does at once, and other machines lane by lane. */
const registerwise =
  (fn: "sqrt" | x86.Rounding, atOnce: OrLanes): Template =>
  (form, x) => {
    const name = `${fn}_${form.suffix}`;
    const lane = builtin(fn)(form, "x[l]", "");
    const define = (): string =>
      inline(form, name, [`${form.type} x`], atOnce(form, [overLanes(form, lane)]));
    return `${form.prelude.need(name, define)}(${x})`;
  };
const rounding = (fn: x86.Rounding): Row =>
  floats(registerwise(fn, (form, lanes) => x86.rounding(form, fn, lanes)));
/** Masks are negative numbers, so their order is turned around. */
const mirrored = (op: string): Row => ({ bool: (_, x, y) => `${y} ${op} ${x}` });

const VECTOR: Table = {
  abs: floats((form, x) => `(${form.type})((${form.wideMask})${x} & ${magnitudeBits(form)})`),
  not: { bool: (_, x) => `~${x}` },
  sqrt: floats(registerwise("sqrt", x86.squareRoot)),
  rint: rounding("rint"),
  floor: rounding("floor"),
  ceil: rounding("ceil"),
  trunc: rounding("trunc"),
  max: floats(vectorExtremum("max", ">", "&")),
  min: floats(vectorExtremum("min", "<", "|")),
  copysign: floats((form, x, y) => {
    const { type, wideMask: m } = form;
    return `(${type})(((${m})${x} & ${magnitudeBits(form)}) | ((${m})${y} & ~${magnitudeBits(form)}))`;
  }),
  farSin: floats(farVector("sin")),
  farCos: floats(farVector("cos")),
  farTan: floats(farVector("tan")),
  lt: mirrored("<"),
  le: mirrored("<="),
  gt: mirrored(">"),
  ge: mirrored(">="),
};

/** Comparisons give masks as wide as the lanes; those of 64 bits become masks of 32. */
function narrowed(form: Form, mask: string): string {
  return form.isVector && form.cls === "f64" ? `__builtin_convertvector(${mask}, ${form.mask})` : `(${mask})`;
}

/** The body of a function that computes its result lane by lane. */
const overLanes = ({ type, lanes }: Form, lane: string): string =>
  `${type} r; for (int l = 0; l < ${lanes}; l++) r[l] = ${lane}; return r;`;

function apply(fn: Fn, form: Form, x: string, y: string): string {
  const own = (form.isVector ? VECTOR : SCALAR)[fn]?.[form.cls] ?? ANY[fn]?.[form.cls];
  if (own) return own(form, x, y);
  const scalar = SCALAR[fn]?.[form.cls] ?? notExpanded("C", `${fn} on ${form.dtype}`);
  const [params, args] =
    y === ""
      ? [["x"], [x]]
      : [
          ["x", "y"],
          [x, y],
        ];
  const name = `${fn}_${form.suffix}`;
  const define = (): string => {
    const lane = scalar(form.as(form.dtype, 1), "x[l]", y === "" ? "" : "y[l]");
    const typed = params.map((param) => `${form.type} ${param}`);
    return inline(form, name, typed, [overLanes(form, lane)]);
  };
  return `${form.prelude.need(name, define)}(${args.join(", ")})`;
}

const inRange = (fn: string, form: Form, value: string): string =>
  LEAVES_RANGE.has(fn) && isNarrowInteger(form.dtype) ? wrap(form, `(${value})`) : value;

/** A function of values of one form. Throws InternalError when there is none. */
export const unary = (fn: UnaryFn, form: Form, x: string): string =>
  inRange(fn, form, apply(fn as BasicUnary, form, x, ""));
export const binary = (fn: BinaryFn, form: Form, x: string, y: string): string =>
  inRange(fn, form, apply(fn as BasicBinary, form, x, y));

/** By a constant amount; undefined for functions that are no shifts. */
export function shiftBy(fn: BinaryFn, form: Form, x: string, amount: number): string | undefined {
  const { type, bits: width } = form;
  const tooFar = amount >>> 0 >= width;
  const unsigned = width === 32 ? `(${form.unsigned})${x}` : `((${form.unsigned})${x} & ${2 ** width - 1}u)`;
  if (fn === "shl")
    return tooFar ? splat(form, "0") : wrap(form, `((${type})((${form.unsigned})${x} << ${amount}))`);
  if (fn === "shrLogical")
    return tooFar ? splat(form, "0") : wrap(form, `((${type})(${unsigned} >> ${amount}))`);
  if (fn !== "shrArith") return undefined;
  const up = 32 - width;
  const signed =
    up === 0 ? `(${form.mask})${x}` : `((${form.mask})((${form.unsigned})${x} << ${up}) >> ${up})`;
  return wrap(form, `((${type})(${signed} >> ${tooFar ? width - 1 : amount}))`);
}

/**
 * The larger or smaller of a float and a constant in one comparison; undefined for other functions and constants. Where the
 * two are equal, which zero is the result depends on the comparison being strict. Not for -0: Clang 14 takes
 * `x < -0 ? -0 : x` for `x <= 0 ? -0 : x`.
 */
export function clampBy(fn: BinaryFn, form: Form, x: string, bound: number): string | undefined {
  if ((fn !== "max" && fn !== "min") || !isFloat(form.dtype)) return undefined;
  if (Number.isNaN(bound) || Object.is(bound, -0)) return undefined;
  const c = splat(form, literal(bound, form.dtype));
  const op = fn === "max" ? (bound === 0 ? "<=" : "<") : ">";
  return select(form, narrowed(form, `${x} ${op} ${c}`), c, x);
}

/** x·y + z, in one instruction where there is one. */
export function multiplyAdd(form: Form, fused: boolean, x: string, y: string, z: string): string {
  if (!isFloat(form.dtype)) return binary("add", form, `(${binary("mul", form, x, y)})`, z);
  if (!fused) return `${x} * ${y} + ${z}`;
  const scalar = `__builtin_fma${form.cls === "f32" ? "f" : ""}`;
  if (!form.isVector) return `${scalar}(${x}, ${y}, ${z})`;
  const { type } = form;
  const atOnce = x86.multiplyAdd(form);
  const body = [
    '\n#ifdef __clang__\n_Pragma("clang fp contract(fast)") return x * y + z;',
    ...(atOnce ? [`\n#elif defined(__FMA__)\nreturn ${atOnce};`] : []),
    `\n#else\n${overLanes(form, `${scalar}(x[l], y[l], z[l])`)}\n#endif\n`,
  ];
  const name = `fma_${type}`;
  return `${form.prelude.need(name, () => inline(form, name, [`${type} x`, `${type} y`, `${type} z`], body))}(${x}, ${y}, ${z})`;
}

/** `mask` has 32-bit lanes. */
export function select(form: Form, mask: string, x: string, y: string): string {
  if (!form.isVector) return `(${mask} ? ${x} : ${y})`;
  const { type: t, wideMask: m } = form;
  const name = `select_${t}`;
  const wide = m === form.mask ? "mask" : `__builtin_convertvector(mask, ${m})`;
  const define = (): string =>
    inline(
      form,
      name,
      [`${form.mask} mask`, `${t} x`, `${t} y`],
      [`const ${m} m = ${wide};`, `return (${t})((m & (${m})x) | (~m & (${m})y));`],
    );
  return `${form.prelude.need(name, define)}(${mask}, ${x}, ${y})`;
}
