/** What a program gave, wherever it ran: plain data. */
import type { NDArray } from "#internal/index";
import { type DType, isFloat, sizeOf } from "./program.ts";

export interface Result {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly weak: boolean;
  readonly values: ArrayLike<number>;
}

export type Outcome =
  | { readonly outs: readonly Result[] }
  | { readonly error: string; readonly message: string };

export const hasFailed = (o: Outcome): o is Extract<Outcome, { error: string }> => "error" in o;

/** Errors that tell users what they did wrong. */
const REFUSALS = /^(Weft\w+Error|ConcretizationTypeError|TracerBoolConversionError|UnexpectedTracerError)$/;
export const isRefusal = (o: Outcome): boolean => hasFailed(o) && REFUSALS.test(o.error);

function toResult(x: unknown): Result {
  if (typeof x === "number" || typeof x === "boolean")
    return { shape: [], dtype: typeof x === "boolean" ? "bool" : "float32", weak: true, values: [Number(x)] };
  const array = x as NDArray;
  const data = array.dataSync() as unknown as ArrayLike<number>;
  return { shape: array.shape, dtype: array.dtype, weak: array.weakType, values: Array.from(data, Number) };
}

/** Runs something and notes what came of it. */
export function outcome(run: () => readonly unknown[]): Outcome {
  try {
    return { outs: run().map(toResult) };
  } catch (error) {
    const { name, message } = error as Error;
    return { error: name, message };
  }
}

const ARRAYS: Readonly<Record<string, new (buffer: ArrayBuffer) => ArrayLike<number | bigint>>> = {
  float64: Float64Array,
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** 64-bit integers exist in JAX only. */
const NARROW: Readonly<Record<string, string>> = { int64: "int32", uint64: "uint32" };

interface Encoded {
  readonly shape: number[];
  readonly dtype: string;
  readonly weak: boolean;
  readonly data: string;
}

export function decode({ shape, dtype, weak, data }: Encoded): Result {
  const make = ARRAYS[dtype];
  if (!make) throw new Error(`JAX gave the dtype ${dtype}.`);
  const bytes = Uint8Array.from(Buffer.from(data, "base64"));
  const values = sizeOf(shape) === 0 ? [] : Array.from(new make(bytes.buffer), Number);
  return { shape, dtype: NARROW[dtype] ?? dtype, weak, values };
}

export const isFloatResult = ({ dtype }: Result): boolean => isFloat(dtype as DType);
