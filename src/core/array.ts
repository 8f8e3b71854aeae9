import type { Bytes } from "../util/bytes.ts";
import { aval, type Shape, type ShapedArray } from "./aval.ts";
import { type DeviceBuffer, defaultDevice } from "./device.ts";
import { DTYPES, type DType, numberAs, type TypedArray } from "./dtype.ts";
import { ConcretizationTypeError } from "./errors.ts";
import type { ArrayMethods } from "./methods.ts";

/** Nested arrays of numbers or booleans, as `.js()` returns them. */
export type Nested = number | boolean | readonly Nested[];
/** Whatever an operation takes where it takes an array. */
export type ArrayLike = ArrayLeaf | readonly ArrayLike[];
/** What may stand for an array in a tree, where a list is a node. */
export type ArrayLeaf = NDArray | number | boolean | TypedArray;

/**
 * An n-dimensional array: either data on a device ({@link DeviceArray}) or a tracer that stands for one while a
 * function is transformed. Immutable; operations never consume their operands.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see below
export abstract class NDArray {
  abstract readonly aval: ShapedArray;

  get shape(): readonly number[] {
    return this.aval.shape;
  }
  get dtype(): DType {
    return this.aval.dtype;
  }
  get ndim(): number {
    return this.aval.shape.length;
  }
  get size(): number {
    return this.aval.size;
  }
  get weakType(): boolean {
    return this.aval.weakType;
  }

  /** The values in row-major order: a fresh typed array. Throws on tracers. */
  abstract dataSync(): TypedArray;
  abstract dispose(): void;
}

// The NumPy-style methods are installed on the prototype by the numpy layer, which core must not import.
export interface NDArray extends ArrayMethods {}

/** A concrete array on a device. */
export class DeviceArray extends NDArray {
  readonly aval: ShapedArray;
  readonly buffer: DeviceBuffer;
  /** The plain number that this stands for until it meets a dtype, see {@link ofNumber}. */
  number: number | undefined = undefined;
  /** Somebody put this on its device, or computed it from such arrays: programs run where it is. */
  committed = false;

  constructor(type: ShapedArray, buffer: DeviceBuffer) {
    super();
    this.aval = type;
    this.buffer = buffer;
    // What somebody assigns to would be lost with the array that an operation gives instead.
    Object.preventExtensions(this);
  }

  override dataSync(): TypedArray {
    return typed(this.buffer.readSync(), this.aval);
  }
  /** {@link dataSync} when the device has computed the values. */
  async read(): Promise<TypedArray> {
    return typed(await this.buffer.read(), this.aval);
  }
  override dispose(): void {
    this.buffer.free("disposed");
  }
}

const typed = ({ buffer, byteOffset }: Bytes, { dtype, size }: ShapedArray): TypedArray =>
  new DTYPES[dtype].array(buffer, byteOffset, size);

/** A concrete array from host data. `data` is copied. */
export function fromTyped(data: TypedArray, shape: Shape, dtype: DType, weakType = false): DeviceArray {
  return defaultDevice().put(data, aval(shape, dtype, weakType));
}

/** A concrete scalar. A weak scalar takes the dtype of whatever it meets. */
export function scalar(value: number | boolean, dtype: DType, weakType = false): DeviceArray {
  const data = new DTYPES[dtype].array(new ArrayBuffer(DTYPES[dtype].bytes));
  data[0] = numberAs(Number(value), dtype);
  return fromTyped(data, [], dtype, weakType);
}

/** A plain number as an array: a weak float32 scalar that has not forgotten its other digits. */
export function ofNumber(value: number): DeviceArray {
  const x = scalar(value, "float32", true);
  x.number = value;
  return x;
}

/** Host value of a concrete scalar that may become a literal: it never left the host, and is bound to no device. Else undefined. */
export const literalValueOf = (x: NDArray): number | boolean | undefined =>
  x instanceof DeviceArray && x.committed ? undefined : knownScalar(x);

/** Host value of a concrete scalar that never left the host, else undefined. */
export function knownScalar(x: NDArray): number | boolean | undefined {
  if (!(x instanceof DeviceArray) || x.ndim !== 0) return undefined;
  const bytes = x.buffer.peek();
  if (!bytes) return undefined;
  const value = new DTYPES[x.dtype].array(bytes.slice().buffer)[0]!;
  return x.dtype === "bool" ? value !== 0 : value;
}

/** The concrete array behind `x`, or a {@link ConcretizationTypeError} that says what asked for it. */
export function concrete(x: NDArray, why: string): DeviceArray {
  if (x instanceof DeviceArray) return x;
  throw new ConcretizationTypeError(
    `A concrete value is needed: ${why}. The value is traced with type ${x.aval} inside a transformed function, ` +
      "so its contents are not known yet. Use lax.cond, lax.select or np.where for branches, " +
      "lax.whileLoop or lax.foriLoop for loops, or mark the argument with staticArgnums.",
  );
}
