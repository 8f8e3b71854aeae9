import { describe, expect, test } from "vitest";
import {
  type FuncBody,
  type FuncBuilder,
  ModuleBuilder,
  type OpName,
  type ValType,
} from "../../src/backends/wasm/encoder/index.ts";
import {
  ATOMIC_OPS,
  type AtomicName,
  LANE_OPS,
  type LaneName,
  type LoadLaneName,
  type LoadName,
  MEMORY_LANE_OPS,
  MEMORY_OPS,
  type StoreLaneName,
  type StoreName,
} from "../../src/backends/wasm/encoder/memory-opcodes.ts";
import { OPS } from "../../src/backends/wasm/encoder/opcodes.ts";
import { supports } from "../../src/backends/wasm/features.ts";
import { compile, instantiate, parseSignature, validates, type WasmFunc } from "./wasm-encoder-support.ts";

type Row = readonly [name: string, signature: string, emit: FuncBody];

function names<T extends object>(table: T): (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[];
}

const INSTRUCTIONS: readonly Row[] = [
  ...names(OPS).map((name): Row => [name, OPS[name][1], (f) => f.op(name)]),
  ...names(MEMORY_OPS).map(
    (name): Row => [
      name,
      MEMORY_OPS[name][1],
      (f) => (name.includes("load") ? f.load(name as LoadName, 16) : f.store(name as StoreName, 300)),
    ],
  ),
  ...names(MEMORY_LANE_OPS).map(
    (name): Row => [
      name,
      MEMORY_LANE_OPS[name][1],
      (f) =>
        name.includes("load")
          ? f.loadLane(name as LoadLaneName, 1, 16)
          : f.storeLane(name as StoreLaneName, 1, 16),
    ],
  ),
  ...names(ATOMIC_OPS).map(
    (name): Row => [name, ATOMIC_OPS[name][1], (f) => f.atomic(name as AtomicName, 8)],
  ),
  ...names(LANE_OPS).map(
    (name): Row => [name, LANE_OPS[name][1], (f) => f.lane(name as LaneName, LANE_OPS[name][2] - 1)],
  ),
];

/** Their signatures are instances of something wider, so a changed one may validate too. */
const POLYMORPHIC = new Set(["unreachable", "drop", "select"]);

describe("opcode tables", () => {
  test("the engine has every feature the tables use", () => {
    const answers = (): boolean[] => [supports("simd"), supports("relaxedSimd"), supports("threads")];
    expect(answers()).toEqual([true, true, true]);
    expect(answers()).toEqual([true, true, true]);
  });

  test("no opcode appears twice", () => {
    const tables = [OPS, MEMORY_OPS, MEMORY_LANE_OPS, ATOMIC_OPS, LANE_OPS];
    const opcodes = tables.flatMap((table) => Object.values(table).map(([opcode]) => opcode));
    expect(new Set(opcodes).size).toBe(opcodes.length);
  });

  test("every instruction has the signature its table states", () => {
    const refused = INSTRUCTIONS.filter(([, signature, emit]) => {
      const { params, results } = parseSignature(signature);
      return !validates(params, results, emit);
    });
    expect(refused.map(([name]) => name)).toEqual([]);
  });

  test("no instruction has another result type", () => {
    const accepted = INSTRUCTIONS.filter(([name, signature, emit]) => {
      const { params, results } = parseSignature(signature);
      const wrong: ValType[] = results.length === 0 ? ["i32"] : [results[0] === "i32" ? "i64" : "i32"];
      return !POLYMORPHIC.has(name) && validates(params, wrong, emit);
    });
    expect(accepted.map(([name]) => name)).toEqual([]);
  });
});

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

type Binary<T> = Partial<Record<OpName, (a: T, b: T) => T | boolean>>;

const I32_BINARY: Binary<number> = {
  "i32.add": (a, b) => (a + b) | 0,
  "i32.sub": (a, b) => (a - b) | 0,
  "i32.mul": Math.imul,
  "i32.and": (a, b) => a & b,
  "i32.or": (a, b) => a | b,
  "i32.xor": (a, b) => a ^ b,
  "i32.shl": (a, b) => a << b,
  "i32.shr_s": (a, b) => a >> b,
  "i32.shr_u": (a, b) => (a >>> b) | 0,
  "i32.eq": (a, b) => a === b,
  "i32.ne": (a, b) => a !== b,
  "i32.lt_s": (a, b) => a < b,
  "i32.lt_u": (a, b) => a >>> 0 < b >>> 0,
  "i32.gt_s": (a, b) => a > b,
  "i32.gt_u": (a, b) => a >>> 0 > b >>> 0,
  "i32.le_s": (a, b) => a <= b,
  "i32.le_u": (a, b) => a >>> 0 <= b >>> 0,
  "i32.ge_s": (a, b) => a >= b,
  "i32.ge_u": (a, b) => a >>> 0 >= b >>> 0,
};

const I32_DIVISION: Binary<number> = {
  "i32.div_s": (a, b) => (a / b) | 0,
  "i32.div_u": (a, b) => ((a >>> 0) / (b >>> 0)) | 0,
  "i32.rem_s": (a, b) => (a % b) | 0,
  "i32.rem_u": (a, b) => ((a >>> 0) % (b >>> 0)) | 0,
};

function floatBinary(t: "f32" | "f64"): Binary<number> {
  return {
    [`${t}.add`]: (a: number, b: number) => a + b,
    [`${t}.sub`]: (a: number, b: number) => a - b,
    [`${t}.mul`]: (a: number, b: number) => a * b,
    [`${t}.div`]: (a: number, b: number) => a / b,
    [`${t}.min`]: Math.min,
    [`${t}.max`]: Math.max,
    [`${t}.copysign`]: (a: number, b: number) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a)),
    [`${t}.eq`]: (a: number, b: number) => a === b,
    [`${t}.ne`]: (a: number, b: number) => a !== b,
    [`${t}.lt`]: (a: number, b: number) => a < b,
    [`${t}.gt`]: (a: number, b: number) => a > b,
    [`${t}.le`]: (a: number, b: number) => a <= b,
    [`${t}.ge`]: (a: number, b: number) => a >= b,
  };
}

function floatUnary(t: "f32" | "f64"): Partial<Record<OpName, (a: number) => number>> {
  return {
    [`${t}.abs`]: Math.abs,
    [`${t}.neg`]: (a: number) => -a,
    [`${t}.ceil`]: Math.ceil,
    [`${t}.floor`]: Math.floor,
    [`${t}.trunc`]: Math.trunc,
    [`${t}.nearest`]: roundHalfEven,
    [`${t}.sqrt`]: Math.sqrt,
  };
}

function compileOp(name: OpName): WasmFunc {
  const { params, results } = parseSignature(OPS[name][1]);
  return compile(params, results, (f) => {
    for (const local of params.keys()) f.get(local);
    f.op(name);
  });
}

const INTS = [0, 1, -1, 7, -13, 31, 0x1234_5678, 2 ** 31 - 1, -(2 ** 31)];
const FLOATS = [0, -0, 1, -2.5, 0.5, 1.5, 3.25, -1e9, Number.POSITIVE_INFINITY, Number.NaN];

function checkBinary(
  table: Binary<number>,
  left: number[],
  right: number[],
  round: (x: number) => number,
): void {
  for (const [name, js] of Object.entries(table)) {
    const wasm = compileOp(name as OpName);
    for (const a of left) {
      for (const b of right) {
        expect(wasm(a, b), `${name}(${a}, ${b})`).toBe(round(Number(js(a, b))));
      }
    }
  }
}

describe("scalar instructions agree with JavaScript", () => {
  test("i32 binary", () => checkBinary(I32_BINARY, INTS, INTS, (x) => x));
  test("i32 division", () => checkBinary(I32_DIVISION, INTS, [1, 7, -13, 12345], (x) => x));
  test("f32 binary", () => checkBinary(floatBinary("f32"), FLOATS, FLOATS, Math.fround));
  test("f64 binary", () => checkBinary(floatBinary("f64"), FLOATS, FLOATS, (x) => x));

  test.each([
    ["f32", Math.fround],
    ["f64", (x: number) => x],
  ] as const)("%s unary", (type, round) => {
    for (const [name, js] of Object.entries(floatUnary(type))) {
      const wasm = compileOp(name as OpName);
      for (const a of FLOATS) expect(wasm(a), `${name}(${a})`).toBe(round(js(a)));
    }
  });

  const unary: [OpName, number | bigint, number | bigint][] = [
    ["i32.clz", 1, 31],
    ["i32.ctz", 8, 3],
    ["i32.popcnt", -1, 32],
    ["i32.eqz", 0, 1],
    ["i32.extend8_s", 0x180, -128],
    ["i32.extend16_s", 0x8000, -32768],
    ["i64.extend_i32_s", -1, -1n],
    ["i64.extend_i32_u", -1, 0xffff_ffffn],
    ["i32.wrap_i64", 0x1_0000_0005n, 5],
    ["i32.trunc_sat_f32_s", Number.NaN, 0],
    ["i32.trunc_sat_f64_s", 1e300, 2 ** 31 - 1],
    ["i32.trunc_sat_f64_u", -5, 0],
    ["f32.convert_i32_u", -1, 4294967296],
    ["f32.demote_f64", 0.1, Math.fround(0.1)],
    ["f64.promote_f32", 0.5, 0.5],
    ["i32.reinterpret_f32", 1, 0x3f80_0000],
    ["f32.reinterpret_i32", 0x4000_0000, 2],
  ];
  test.each(unary)("%s(%s) = %s", (name, input, output) => {
    expect(compileOp(name)(input)).toBe(output);
  });

  const long: [OpName, bigint, bigint, number | bigint][] = [
    ["i64.add", 2n ** 62n, 2n ** 62n, -(2n ** 63n)],
    ["i64.sub", 1n, 2n, -1n],
    ["i64.mul", 2n ** 40n, 3n, 3n * 2n ** 40n],
    ["i64.div_s", -7n, 2n, -3n],
    ["i64.rem_u", 17n, 5n, 2n],
    ["i64.shr_s", -8n, 1n, -4n],
  ];
  test.each(long)("%s(%s, %s) = %s", (name, a, b, output) => {
    expect(compileOp(name)(a, b)).toBe(output);
  });
});

type Vector =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array;

const bytesOf = (v: Vector): Uint8Array => new Uint8Array(v.buffer, v.byteOffset, v.byteLength);
const f32 = (...lanes: number[]): Float32Array => new Float32Array(lanes);
const f64 = (...lanes: number[]): Float64Array => new Float64Array(lanes);
const i32 = (...lanes: number[]): Int32Array => new Int32Array(lanes);
const i64 = (...lanes: bigint[]): BigInt64Array => new BigInt64Array(lanes);
/** Lanes 0, 1, 2, ... through `lane`. */
const i16 = (lane: (i: number) => number): Int16Array => Int16Array.from({ length: 8 }, (_, i) => lane(i));
const i8 = (lane: (i: number) => number): Int8Array => Int8Array.from({ length: 16 }, (_, i) => lane(i));
const u8 = (lane: (i: number) => number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => lane(i));

type Operand = Vector | number;

function pushOperand(f: FuncBuilder, operand: Operand): void {
  if (typeof operand === "number") f.i32Const(operand);
  else f.v128Const(bytesOf(operand));
}

/** Runs `emit` on constant operands and returns the bytes of the v128 it leaves. */
function runVector(operands: readonly Operand[], emit: FuncBody): number[] {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { min: 1 });
  module.func(
    "main",
    [],
    [],
    (f) => {
      f.i32Const(32);
      for (const operand of operands) pushOperand(f, operand);
      emit(f);
      f.store("v128.store");
    },
    { export: true },
  );
  instantiate(module.finish(), { env: { memory } }).main!();
  return [...new Uint8Array(memory.buffer, 32, 16)];
}

const SIMD: [OpName, Operand[], Vector][] = [
  ["f32x4.add", [f32(1, 2, 3, 4), f32(10, 20, 30, 40)], f32(11, 22, 33, 44)],
  ["f32x4.sub", [f32(1, 2, 3, 4), f32(10, 20, 30, 40)], f32(-9, -18, -27, -36)],
  ["f32x4.mul", [f32(1, 2, 3, 4), f32(2, 2, 0.5, -1)], f32(2, 4, 1.5, -4)],
  ["f32x4.div", [f32(1, 2, 3, 4), f32(2, 4, 2, 8)], f32(0.5, 0.5, 1.5, 0.5)],
  ["f32x4.min", [f32(1, 5, -1, 0), f32(2, 4, 3, -0)], f32(1, 4, -1, -0)],
  ["f32x4.pmax", [f32(1, 5, -1, 0), f32(2, 4, 3, 7)], f32(2, 5, 3, 7)],
  ["f32x4.sqrt", [f32(1, 4, 9, 16)], f32(1, 2, 3, 4)],
  ["f32x4.abs", [f32(-1, 4, -9, -0)], f32(1, 4, 9, 0)],
  ["f32x4.neg", [f32(-1, 4, -9, -0)], f32(1, -4, 9, 0)],
  ["f32x4.floor", [f32(-1.5, 4.5, 2.9, 0)], f32(-2, 4, 2, 0)],
  ["f32x4.ceil", [f32(-1.5, 4.5, 2.9, 0)], f32(-1, 5, 3, 0)],
  ["f32x4.trunc", [f32(-1.5, 4.5, 2.9, 0)], f32(-1, 4, 2, 0)],
  ["f32x4.nearest", [f32(-1.5, 4.5, 2.9, 0)], f32(-2, 4, 3, 0)],
  ["f32x4.lt", [f32(1, 2, 3, 4), f32(2, 2, 9, 0)], i32(-1, 0, -1, 0)],
  ["f32x4.ge", [f32(1, 2, 3, 4), f32(2, 2, 9, 0)], i32(0, -1, 0, -1)],
  ["f64x2.add", [f64(1, 2), f64(10, 20)], f64(11, 22)],
  ["f64x2.max", [f64(1, 20), f64(10, 2)], f64(10, 20)],
  ["f64x2.sqrt", [f64(4, 9)], f64(2, 3)],
  ["f64x2.floor", [f64(-1.5, 2.5)], f64(-2, 2)],
  ["f64x2.ceil", [f64(-1.5, 2.5)], f64(-1, 3)],
  ["f64x2.trunc", [f64(-1.5, 2.5)], f64(-1, 2)],
  ["f64x2.nearest", [f64(-1.5, 2.5)], f64(-2, 2)],
  ["f64x2.le", [f64(1, 3), f64(1, 2)], i64(-1n, 0n)],
  ["i32x4.add", [i32(1, 2, 3, -4), i32(1, 1, 1, 1)], i32(2, 3, 4, -3)],
  ["i32x4.sub", [i32(1, 2, 3, -4), i32(1, 1, 1, 1)], i32(0, 1, 2, -5)],
  ["i32x4.mul", [i32(1, 2, 3, -4), i32(5, 6, 7, 8)], i32(5, 12, 21, -32)],
  ["i32x4.min_u", [i32(-1, 2, 3, 4), i32(1, 1, 9, -1)], i32(1, 1, 3, 4)],
  ["i32x4.max_s", [i32(-1, 2, 3, 4), i32(1, 1, 9, -1)], i32(1, 2, 9, 4)],
  ["i32x4.shl", [i32(1, 2, 3, -4), 4], i32(16, 32, 48, -64)],
  ["i32x4.shr_s", [i32(16, 32, 48, -64), 4], i32(1, 2, 3, -4)],
  ["i32x4.shr_u", [i32(16, 32, 48, -1), 28], i32(0, 0, 0, 15)],
  ["i32x4.extend_low_i16x8_s", [i16((i) => -i)], i32(0, -1, -2, -3)],
  ["i32x4.extadd_pairwise_i16x8_u", [i16((i) => i)], i32(1, 5, 9, 13)],
  ["i32x4.gt_u", [i32(-1, 2, 3, 4), i32(1, 2, 9, -1)], i32(-1, 0, 0, 0)],
  ["i64x2.extend_low_i32x4_s", [i32(-1, 2, 3, 4)], i64(-1n, 2n)],
  ["i16x8.extend_low_i8x16_u", [i8((i) => -i)], i16((i) => (i === 0 ? 0 : 256 - i))],
  ["i8x16.popcnt", [u8((i) => 2 ** (i % 8) - 1)], u8((i) => i % 8)],
  ["v128.and", [i32(12, 12, 12, 12), i32(10, 10, 10, 10)], i32(8, 8, 8, 8)],
  ["v128.andnot", [i32(12, 12, 12, 12), i32(10, 10, 10, 10)], i32(4, 4, 4, 4)],
  ["v128.or", [i32(12, 12, 12, 12), i32(10, 10, 10, 10)], i32(14, 14, 14, 14)],
  ["v128.xor", [i32(12, 12, 12, 12), i32(10, 10, 10, 10)], i32(6, 6, 6, 6)],
  ["v128.not", [i32(0, -1, 5, 6)], i32(-1, 0, -6, -7)],
  ["v128.bitselect", [i32(1, 2, 3, 4), i32(5, 6, 7, 8), i32(-1, 0, -1, 0)], i32(1, 6, 3, 8)],
  ["i32x4.splat", [7], i32(7, 7, 7, 7)],
  ["i32x4.trunc_sat_f32x4_s", [f32(1.9, -1.9, Number.NaN, 1e20)], i32(1, -1, 0, 2 ** 31 - 1)],
  ["i32x4.trunc_sat_f64x2_s_zero", [f64(1.9, -1e20)], i32(1, -(2 ** 31), 0, 0)],
  ["f32x4.convert_i32x4_s", [i32(1, -2, 3, 4)], f32(1, -2, 3, 4)],
  ["f32x4.convert_i32x4_u", [i32(1, -1, 3, 4)], f32(1, 2 ** 32, 3, 4)],
  ["f64x2.convert_low_i32x4_s", [i32(1, -2, 3, 4)], f64(1, -2)],
  ["f64x2.promote_low_f32x4", [f32(0.5, -2, 3, 4)], f64(0.5, -2)],
  ["f32x4.demote_f64x2_zero", [f64(0.5, -2)], f32(0.5, -2, 0, 0)],
  ["f32x4.relaxed_madd", [f32(1, 2, 3, 4), f32(5, 6, 7, 8), f32(9, 9, 9, 9)], f32(14, 21, 30, 41)],
  ["f64x2.relaxed_madd", [f64(1, 2), f64(5, 6), f64(9, 9)], f64(14, 21)],
];

describe("SIMD", () => {
  test.each(SIMD)("%s", (name, operands, expected) => {
    expect(runVector(operands, (f) => f.op(name))).toEqual([...bytesOf(expected)]);
  });

  const reductions: [OpName, Vector, number][] = [["v128.any_true", i32(0, 0, 1, 0), 1]];
  test.each(reductions)("%s", (name, vector, expected) => {
    const run = compile([], ["i32"], (f) => {
      f.v128Const(bytesOf(vector));
      f.op(name);
    });
    expect(run()).toBe(expected);
  });

  test("lane reads and writes", () => {
    const read = compile([], ["f32"], (f) => {
      f.v128Const(bytesOf(f32(1, 2, 3, 4)));
      f.lane("f32x4.extract_lane", 2);
    });
    expect(read()).toBe(3);
    const replaced = runVector([f32(1, 2, 3, 4)], (f) => {
      f.f32Const(9);
      f.lane("f32x4.replace_lane", 3);
    });
    expect(replaced).toEqual([...bytesOf(f32(1, 2, 3, 9))]);
  });

  test("shuffle picks bytes of both operands", () => {
    const interleave = [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23];
    const result = runVector([u8((i) => i), u8((i) => 100 + i)], (f) => f.shuffle(interleave));
    expect(result).toEqual(interleave.map((lane) => (lane < 16 ? lane : 84 + lane)));
  });

  const source = u8((i) => 250 - i * 3);
  const loads: [LoadName, Vector][] = [
    ["v128.load", source],
    ["v128.load32_splat", u8((i) => source[i % 4]!)],
    ["v128.load64_splat", u8((i) => source[i % 8]!)],
    ["v128.load32_zero", u8((i) => (i < 4 ? source[i]! : 0))],
    ["v128.load64_zero", u8((i) => (i < 8 ? source[i]! : 0))],
  ];
  test.each(loads)("%s", (name, expected) => {
    const result = runVector([], (f) => {
      f.i32Const(100);
      f.v128Const(bytesOf(source));
      f.store("v128.store", 7);
      f.i32Const(7);
      f.load(name, 100);
    });
    expect(result).toEqual([...bytesOf(expected)]);
  });

  test("one-lane loads and stores", () => {
    const result = runVector([], (f) => {
      f.i32Const(0);
      f.v128Const(bytesOf(f32(1, 2, 3, 4)));
      f.storeLane("v128.store32_lane", 2, 64);
      f.i32Const(0);
      f.v128Const(bytesOf(f32(1, 2, 3, 4)));
      f.loadLane("v128.load32_lane", 0, 64);
    });
    expect(result).toEqual([...bytesOf(f32(3, 2, 3, 4))]);
  });
});
