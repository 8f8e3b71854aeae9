/**
 * Instructions with immediates, in the layout of `OPS`, those that the emitter uses. Memory tables: `[opcode, signature, bytes accessed]`, where the
 * bytes accessed are also the natural (largest legal) alignment. `LANE_OPS`: `[opcode, signature, lane count]`.
 */
export const MEMORY_OPS = {
  // scalar loads and stores
  "i32.load": [0x28, "i32 -> i32", 4],
  "f32.load": [0x2a, "i32 -> f32", 4],
  "f64.load": [0x2b, "i32 -> f64", 8],
  "i32.load8_s": [0x2c, "i32 -> i32", 1],
  "i32.load8_u": [0x2d, "i32 -> i32", 1],
  "i32.load16_s": [0x2e, "i32 -> i32", 2],
  "i32.load16_u": [0x2f, "i32 -> i32", 2],
  "i32.store": [0x36, "i32 i32 ->", 4],
  "f32.store": [0x38, "i32 f32 ->", 4],
  "f64.store": [0x39, "i32 f64 ->", 8],
  "i32.store8": [0x3a, "i32 i32 ->", 1],
  "i32.store16": [0x3b, "i32 i32 ->", 2],
  // SIMD loads and stores
  "v128.load": [0xfd0000, "i32 -> v128", 16],
  "v128.load32_splat": [0xfd0009, "i32 -> v128", 4],
  "v128.load64_splat": [0xfd000a, "i32 -> v128", 8],
  "v128.store": [0xfd000b, "i32 v128 ->", 16],
  "v128.load32_zero": [0xfd005c, "i32 -> v128", 4],
  "v128.load64_zero": [0xfd005d, "i32 -> v128", 8],
} as const;

/** Loads and stores of a single lane of a v128. */
export const MEMORY_LANE_OPS = {
  "v128.load32_lane": [0xfd0056, "i32 v128 -> v128", 4],
  "v128.load64_lane": [0xfd0057, "i32 v128 -> v128", 8],
  "v128.store16_lane": [0xfd0059, "i32 v128 ->", 2],
  "v128.store32_lane": [0xfd005a, "i32 v128 ->", 4],
  "v128.store64_lane": [0xfd005b, "i32 v128 ->", 8],
} as const;

/** Atomic accesses (prefix 0xfe). The format demands natural alignment, neither less nor more. */
export const ATOMIC_OPS = {
  "memory.atomic.notify": [0xfe0000, "i32 i32 -> i32", 4],
  "memory.atomic.wait32": [0xfe0001, "i32 i32 i64 -> i32", 4],
  "i32.atomic.load": [0xfe0010, "i32 -> i32", 4],
  "i64.atomic.load": [0xfe0011, "i32 -> i64", 8],
  "i32.atomic.store": [0xfe0017, "i32 i32 ->", 4],
  "i64.atomic.store": [0xfe0018, "i32 i64 ->", 8],
  "i32.atomic.rmw.and": [0xfe002c, "i32 i32 -> i32", 4],
  "i32.atomic.rmw.or": [0xfe0033, "i32 i32 -> i32", 4],
  "i64.atomic.rmw.cmpxchg": [0xfe0049, "i32 i64 i64 -> i64", 8],
} as const;

/** Reads and writes of one lane of a v128 on the stack. */
export const LANE_OPS = {
  "i32x4.extract_lane": [0xfd001b, "v128 -> i32", 4],
  "i32x4.replace_lane": [0xfd001c, "v128 i32 -> v128", 4],
  "f32x4.extract_lane": [0xfd001f, "v128 -> f32", 4],
  "f32x4.replace_lane": [0xfd0020, "v128 f32 -> v128", 4],
  "f64x2.extract_lane": [0xfd0021, "v128 -> f64", 2],
  "f64x2.replace_lane": [0xfd0022, "v128 f64 -> v128", 2],
} as const;

type NamesWithSignature<Table, Signature extends string> = {
  [K in keyof Table]: Table[K] extends readonly [number, Signature, number] ? K : never;
}[keyof Table];

/** Text name of a non-atomic load, such as `"v128.load32_splat"`. */
export type LoadName = NamesWithSignature<typeof MEMORY_OPS, `${string}-> ${string}`>;
/** Text name of a non-atomic store, such as `"f32.store"`. */
export type StoreName = Exclude<keyof typeof MEMORY_OPS, LoadName>;
/** Text name of a one-lane load, such as `"v128.load32_lane"`. */
export type LoadLaneName = NamesWithSignature<typeof MEMORY_LANE_OPS, `${string}-> ${string}`>;
/** Text name of a one-lane store, such as `"v128.store64_lane"`. */
export type StoreLaneName = Exclude<keyof typeof MEMORY_LANE_OPS, LoadLaneName>;
/** Text name of an atomic access, such as `"i32.atomic.rmw.add"`. */
export type AtomicName = keyof typeof ATOMIC_OPS;
/** Text name of a lane read or write, such as `"f32x4.extract_lane"`. */
export type LaneName = keyof typeof LANE_OPS;
