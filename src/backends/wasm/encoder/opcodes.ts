/**
 * Plain instructions by their spec text name, as runs of consecutive opcodes: the first opcode, what the names begin with, the
 * signature, and the rest of the names. What the emitter has no use for is left out: pages load the table. An opcode above 0xffff is `prefix << 16 | sub-opcode`; the
 * sub-opcode is written in LEB128. The signature lists operands, `->`, results; for the polymorphic `drop` and `select` it names one
 * instance. Source: WebAssembly core specification, appendix A.7, and the relaxed SIMD extension.
 */
const RUNS = [
  // control and parametric
  [0x00, "", "->", "unreachable"],
  [0x1a, "", "i32 ->", "drop"],
  [0x1b, "", "i32 i32 i32 -> i32", "select"],
  // comparison
  [0x45, "i32.", "i32 -> i32", "eqz"],
  [0x46, "i32.", "i32 i32 -> i32", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"],
  [0x51, "i64.", "i64 i64 -> i32", "eq ne"],
  [0x5b, "f32.", "f32 f32 -> i32", "eq ne lt gt le ge"],
  [0x61, "f64.", "f64 f64 -> i32", "eq ne lt gt le ge"],
  // arithmetic
  [0x67, "i32.", "i32 -> i32", "clz ctz popcnt"],
  [0x6a, "i32.", "i32 i32 -> i32", "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u"],
  [0x7c, "i64.", "i64 i64 -> i64", "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u"],
  [0x8b, "f32.", "f32 -> f32", "abs neg ceil floor trunc nearest sqrt"],
  [0x92, "f32.", "f32 f32 -> f32", "add sub mul div min max copysign"],
  [0x99, "f64.", "f64 -> f64", "abs neg ceil floor trunc nearest sqrt"],
  [0xa0, "f64.", "f64 f64 -> f64", "add sub mul div min max copysign"],
  // conversion, reinterpretation, sign extension
  [0xa7, "i32.", "i64 -> i32", "wrap_i64"],
  [0xac, "i64.", "i32 -> i64", "extend_i32_s extend_i32_u"],
  [0xb2, "f32.", "i32 -> f32", "convert_i32_s convert_i32_u"],
  [0xb6, "f32.", "f64 -> f32", "demote_f64"],
  [0xb7, "f64.", "i32 -> f64", "convert_i32_s convert_i32_u"],
  [0xbb, "f64.", "f32 -> f64", "promote_f32"],
  [0xbc, "i32.", "f32 -> i32", "reinterpret_f32"],
  [0xbe, "f32.", "i32 -> f32", "reinterpret_i32"],
  [0xc0, "i32.", "i32 -> i32", "extend8_s extend16_s"],
  // saturating truncation
  [0xfc0000, "i32.", "f32 -> i32", "trunc_sat_f32_s trunc_sat_f32_u"],
  [0xfc0002, "i32.", "f64 -> i32", "trunc_sat_f64_s trunc_sat_f64_u"],
  // SIMD
  [0xfd0011, "i32x4.", "i32 -> v128", "splat"],
  [0xfd0013, "f32x4.", "f32 -> v128", "splat"],
  [0xfd0014, "f64x2.", "f64 -> v128", "splat"],
  [0xfd0037, "i32x4.", "v128 v128 -> v128", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"],
  [0xfd0041, "f32x4.", "v128 v128 -> v128", "eq ne lt gt le ge"],
  [0xfd0047, "f64x2.", "v128 v128 -> v128", "eq ne lt gt le ge"],
  [0xfd004d, "v128.", "v128 -> v128", "not"],
  [0xfd004e, "v128.", "v128 v128 -> v128", "and andnot or xor"],
  [0xfd0052, "v128.", "v128 v128 v128 -> v128", "bitselect"],
  [0xfd0053, "v128.", "v128 -> i32", "any_true"],
  [0xfd005e, "f32x4.", "v128 -> v128", "demote_f64x2_zero"],
  [0xfd005f, "f64x2.", "v128 -> v128", "promote_low_f32x4"],
  [0xfd0062, "i8x16.", "v128 -> v128", "popcnt"],
  [0xfd0067, "f32x4.", "v128 -> v128", "ceil floor trunc nearest"],
  [0xfd0074, "f64x2.", "v128 -> v128", "ceil floor"],
  [0xfd007a, "f64x2.", "v128 -> v128", "trunc"],
  [0xfd007d, "i16x8.", "v128 -> v128", "extadd_pairwise_i8x16_u"],
  [0xfd007f, "i32x4.", "v128 -> v128", "extadd_pairwise_i16x8_u"],
  [0xfd0087, "i16x8.", "v128 -> v128", "extend_low_i8x16_s"],
  [0xfd0089, "i16x8.", "v128 -> v128", "extend_low_i8x16_u"],
  [0xfd0094, "f64x2.", "v128 -> v128", "nearest"],
  [0xfd00a0, "i32x4.", "v128 -> v128", "abs neg"],
  [0xfd00a7, "i32x4.", "v128 -> v128", "extend_low_i16x8_s"],
  [0xfd00a9, "i32x4.", "v128 -> v128", "extend_low_i16x8_u"],
  [0xfd00ab, "i32x4.", "v128 i32 -> v128", "shl shr_s shr_u"],
  [0xfd00ae, "i32x4.", "v128 v128 -> v128", "add"],
  [0xfd00b1, "i32x4.", "v128 v128 -> v128", "sub"],
  [0xfd00b5, "i32x4.", "v128 v128 -> v128", "mul min_s min_u max_s max_u"],
  [0xfd00c7, "i64x2.", "v128 -> v128", "extend_low_i32x4_s extend_high_i32x4_s"],
  [0xfd00e0, "f32x4.", "v128 -> v128", "abs neg"],
  [0xfd00e3, "f32x4.", "v128 -> v128", "sqrt"],
  [0xfd00e4, "f32x4.", "v128 v128 -> v128", "add sub mul div min max pmin pmax"],
  [0xfd00ec, "f64x2.", "v128 -> v128", "abs neg"],
  [0xfd00ef, "f64x2.", "v128 -> v128", "sqrt"],
  [0xfd00f0, "f64x2.", "v128 v128 -> v128", "add sub mul div min max pmin pmax"],
  [0xfd00f8, "i32x4.", "v128 -> v128", "trunc_sat_f32x4_s trunc_sat_f32x4_u"],
  [0xfd00fa, "f32x4.", "v128 -> v128", "convert_i32x4_s convert_i32x4_u"],
  [0xfd00fc, "i32x4.", "v128 -> v128", "trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero"],
  [0xfd00fe, "f64x2.", "v128 -> v128", "convert_low_i32x4_s convert_low_i32x4_u"],
  // relaxed SIMD
  [0xfd0105, "f32x4.", "v128 v128 v128 -> v128", "relaxed_madd"],
  [0xfd0107, "f64x2.", "v128 v128 v128 -> v128", "relaxed_madd"],
] as const;

type Words<Text extends string> = Text extends `${infer First} ${infer Rest}` ? First | Words<Rest> : Text;
type NameIn<Run> = Run extends readonly [
  number,
  infer Start extends string,
  string,
  infer Rest extends string,
]
  ? `${Start}${Words<Rest>}`
  : never;
/** Text name of an instruction without immediates. */
export type OpName = NameIn<(typeof RUNS)[number]>;

type Op = readonly [opcode: number, signature: string];
export const OPS = Object.fromEntries(
  RUNS.flatMap(([first, start, signature, names]) =>
    names.split(" ").map((name, i): [string, Op] => [start + name, [first + i, signature]]),
  ),
) as Readonly<Record<OpName, Op>>;
