/**
 * What x86 does with whole registers, by the names of GCC, which finds few of these instructions in loops over lanes, and where
 * it is tuned for halves of registers (Zen 1) joins them through memory. Clang finds them, and has only some of the names.
 */
import { type Form, splat } from "./types.ts";

interface Register {
  /** Of the names of instructions. */
  readonly suffix: string;
  /** The remaining operands of those that take a mask. */
  readonly all?: string;
}
const REGISTERS: Readonly<Record<string, Register>> = {
  f32x4: { suffix: "ps" },
  f32x8: { suffix: "ps256" },
  f32x16: { suffix: "ps512_mask", all: "(u16)-1, 4" },
  f64x2: { suffix: "pd" },
  f64x4: { suffix: "pd256" },
  f64x8: { suffix: "pd512_mask", all: "(u8)-1, 4" },
};

const call = (name: string, ...operands: string[]): string =>
  `__builtin_ia32_${name}(${operands.join(", ")})`;
/** Where lanes that a mask leaves out come from: there are none. */
const masked = ({ all }: Register, from = "x"): string[] => (all ? [from, all] : []);

/** Code for GCC, and for Clang too where it has the names, before what other machines do. */
function before(otherwise: readonly string[], condition: string, ...code: string[]): string[] {
  return [`\n#if ${condition}\n${code.join(" ")}\n#else\n`, ...otherwise, "\n#endif\n"];
}
const GCC = "!defined(__clang__)";

/**
 * The machine's extremum is its second operand when there is a NaN or when both are equal. So the two orders differ there and
 * nowhere else: in bits for two zeros, and as numbers when one of them is NaN.
 */
export function extremum(
  { type, wideMask: m }: Form,
  op: "max" | "min",
  otherwise: readonly string[],
): readonly string[] {
  const register = REGISTERS[type];
  if (!register) return otherwise;
  const of = (x: string, y: string): string => call(op + register.suffix, x, y, ...masked(register));
  const both = { max: `((${m})a & (${m})b) | (a != b)`, min: `(${m})a | (${m})b` }[op];
  const condition = `defined(__x86_64__)${register.all ? ` && ${GCC}` : ""}`;
  const code = [`const ${type} a = ${of("x", "y")}, b = ${of("y", "x")};`, `return (${type})(${both});`];
  return before(otherwise, condition, ...code);
}

/** The immediate operands of rounding instructions. */
const ROUNDING = { rint: 4, floor: 9, ceil: 10, trunc: 11 } as const;
export type Rounding = keyof typeof ROUNDING;

export function rounding({ type }: Form, fn: Rounding, otherwise: readonly string[]): readonly string[] {
  const register = REGISTERS[type];
  if (!register) return otherwise;
  const name = register.all ? `rndscale${register.suffix.replace("512", "")}` : `round${register.suffix}`;
  const rounded = call(name, "x", String(ROUNDING[fn]), ...masked(register));
  return before(otherwise, `defined(__SSE4_1__) && ${GCC}`, `return ${rounded};`);
}

export function squareRoot({ type }: Form, otherwise: readonly string[]): readonly string[] {
  const register = REGISTERS[type];
  if (!register) return otherwise;
  const root = call(`sqrt${register.suffix}`, "x", ...masked(register));
  return before(otherwise, `defined(__x86_64__) && ${GCC}`, `return ${root};`);
}

/** x·y + z. */
export function multiplyAdd({ type }: Form): string | undefined {
  const register = REGISTERS[type];
  return register && call(`vfmadd${register.suffix}`, "x", "y", "z", ...(register.all ? [register.all] : []));
}

/** Whether any lane of a mask is set. */
const ANY: Readonly<Record<string, (mask: string) => string>> = {
  f32x4: (mask) => call("movmskps", `(f32x4)${mask}`),
  f32x8: (mask) => call("movmskps256", `(f32x8)${mask}`),
  f32x16: (mask) => call("ptestmd512", mask, mask, "(u16)-1"),
  f64x2: (mask) => call("movmskpd", `(f64x2)${mask}`),
  f64x4: (mask) => call("movmskpd256", `(f64x4)${mask}`),
  f64x8: (mask) => call("ptestmq512", mask, mask, "(u8)-1"),
};
export function anyLane({ type }: Form, mask: string, otherwise: readonly string[]): readonly string[] {
  const any = ANY[type]?.(mask);
  if (!any) return otherwise;
  return before(otherwise, `defined(__x86_64__) && ${GCC}`, `const int any = ${any};`);
}

const TO_INT32: Readonly<Record<string, string>> = {
  f32x4: call("cvttps2dq", "x"),
  f32x8: call("cvttps2dq256", "x"),
  f32x16: call("cvttps2dq512_mask", "x", "(i32x16)x", "(u16)-1, 4"),
  f64x4: call("cvttpd2dq256", "x"),
};

/**
 * Towards zero. The machine makes the least integer of what has none: all its bits are turned around for numbers that are too large,
 * and cleared for NaN.
 */
export function toInt32(
  from: Form,
  narrow: (mask: string) => string,
  otherwise: readonly string[],
): readonly string[] {
  const made = TO_INT32[from.type];
  if (!made) return otherwise;
  const tooLarge = narrow(`x >= ${splat(from, "2147483648.0")}`);
  return before(
    otherwise,
    `defined(__x86_64__) && ${GCC}`,
    `return (${made} ^ ${tooLarge}) & ${narrow("x == x")};`,
  );
}
