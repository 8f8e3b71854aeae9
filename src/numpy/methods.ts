/** Installs the NumPy-style methods on arrays. Imported for this effect. */
import { type ArrayLike, concrete, DeviceArray, NDArray, type Nested } from "../core/array.ts";
import { byteSize, checkDType, type DType, type TypedArray } from "../core/dtype.ts";
import { ConcretizationTypeError, WeftTypeError, WeftValueError } from "../core/errors.ts";
import type { ArrayMethods, IndexItem } from "../core/methods.ts";
import { isEager, Tracer } from "../core/trace.ts";
import { bitcastConvertType } from "../lax/cast.ts";
import * as np from "./computing.ts";
import { getSlice, indexedUpdate } from "./indexing.ts";
import { repeat, unstack } from "./join.ts";
import { formatArray } from "./print.ts";
import { refusals } from "./refusals.ts";
import { clip, take } from "./select.ts";
import * as shape from "./shape.ts";
import { argsort, sort } from "./sorting.ts";

/** Functions whose first argument becomes `this`. */
const FUNCTIONS = {
  add: np.add,
  sub: np.subtract,
  mul: np.multiply,
  div: np.trueDivide,
  floorDivide: np.floorDivide,
  mod: np.remainder,
  pow: np.power,
  neg: np.negative,
  abs: np.absolute,
  round: np.round,
  clip,
  equal: np.equal,
  notEqual: np.notEqual,
  less: np.less,
  lessEqual: np.lessEqual,
  greater: np.greater,
  greaterEqual: np.greaterEqual,
  matmul: np.matmul,
  dot: np.dot,
  sum: np.sum,
  prod: np.prod,
  mean: np.mean,
  max: np.max,
  min: np.min,
  all: np.all,
  any: np.any,
  var: np.var_,
  std: np.std,
  argmax: np.argmax,
  argmin: np.argmin,
  cumsum: np.cumsum,
  cumprod: np.cumprod,
  reshape: shape.reshape,
  transpose: shape.transpose,
  swapaxes: shape.swapaxes,
  squeeze: shape.squeeze,
  flatten: shape.ravel,
  ravel: shape.ravel,
  diagonal: shape.diagonal,
  repeat,
  take,
  sort,
  argsort,
  astype: np.astype,
  view,
  item,
  js: nested,
} satisfies Partial<{ [K in keyof ArrayMethods]: unknown }>;

function view(x: NDArray, dtype: DType = x.dtype): NDArray {
  if (byteSize(checkDType("view", dtype)) !== byteSize(x.dtype))
    throw new WeftTypeError(`view: ${x.aval} cannot be read as ${dtype}, which has another width.`);
  return dtype === x.dtype ? x : bitcastConvertType(x, dtype);
}

/** While derivatives are taken, too: JavaScript may branch on values there, as Python may under `jax.grad`. */
function item(x: NDArray): number {
  const value = concrete(x instanceof Tracer ? x.known : x, ".item() was called").dataSync();
  if (x.size === 1) return value[0]!;
  throw new WeftValueError(
    `.item() needs an array with one element, got ${x.aval}. Use .js() or .dataSync().`,
  );
}

function nested(x: NDArray): Nested {
  return nestedOf(x, concrete(x, ".js() was called").dataSync());
}

function nestedOf(x: NDArray, data: TypedArray): Nested {
  const element = (v: number): Nested => (x.dtype === "bool" ? v !== 0 : v);
  const build = (axis: number, start: number, count: number): Nested => {
    if (axis === x.ndim) return element(data[start]!);
    const size = x.shape[axis]!;
    const step = size && count / size;
    return Array.from({ length: size }, (_, i) => build(axis + 1, start + i * step, step));
  };
  return build(0, 0, x.size);
}

const text = (x: NDArray): string =>
  x instanceof Tracer ? `Traced<${x.aval}>` : formatArray(x.dataSync(), x.shape, x.dtype);

/** JavaScript asks for a primitive in `x > 0`, `+x`, `x + 1` (number) and in `${x}` (text). `if (x)` asks for nothing. */
function primitive(x: NDArray, hint: string): number | string {
  if (hint === "string") return text(x);
  if (x instanceof Tracer)
    throw new ConcretizationTypeError(
      `A traced array of type ${x.aval} was used as a plain JavaScript value, by a comparison such as x > 0 or by arithmetic ` +
        "such as x + 1. Its contents are not known while a function is transformed. Compare and compute with methods " +
        "(x.greater(0), x.add(1)), choose between values with np.where or lax.cond, loop with lax.whileLoop or lax.scan, " +
        "or mark the argument with staticArgnums.",
    );
  if (x.ndim === 0) return item(x);
  throw new WeftTypeError(
    `An array of type ${x.aval} is no plain JavaScript value: the operators + - * / < > work on arrays without axes only. ` +
      "Use methods such as x.add(y) and x.less(y), and x.any() or x.all() for a truth value.",
  );
}

/** Slices one by one: eagerly at a computed position, so that one program serves them all. */
function* slices(x: NDArray): IterableIterator<NDArray> {
  if (x.ndim === 0)
    throw new WeftTypeError(
      `iteration over a 0-d array: ${x.aval} has no axis to go along. x.item() is its value, x.reshape([1]) has one.`,
    );
  if (!isEager()) return yield* unstack(x);
  for (let i = 0; i < x.shape[0]!; i++) yield getSlice(x, [i]);
}

type Method = (this: NDArray, ...args: never[]) => unknown;

const METHODS: Readonly<Record<string | symbol, Method>> & ThisType<NDArray> = {
  slice(...index: IndexItem[]) {
    return getSlice(this, index);
  },
  at(...index: IndexItem[]) {
    return indexedUpdate(this, index);
  },
  async jsAsync() {
    return nestedOf(this, await concrete(this, ".jsAsync() was called").read());
  },
  async data() {
    return concrete(this, ".data() was called").read();
  },
  async blockUntilReady() {
    if (this instanceof DeviceArray) await this.buffer.ready();
    return this;
  },
  toString() {
    return text(this);
  },
  toJSON() {
    return nested(this);
  },
  [Symbol.iterator]() {
    return slices(this);
  },
  [Symbol.dispose]() {
    this.dispose();
  },
  [Symbol.toPrimitive](hint: string) {
    return primitive(this, hint);
  },
  [Symbol.for("nodejs.util.inspect.custom")]() {
    return text(this);
  },
};

const GETTERS: Readonly<Record<string, (x: NDArray) => unknown>> = {
  ref: (x) => x,
  T: (x) => shape.transpose(x),
  mT: shape.matrixTranspose,
  device: (x) => concrete(x instanceof Tracer ? x.known : x, ".device was asked for").buffer.device,
};

type OfArray = (x: NDArray, ...args: ArrayLike[]) => unknown;

function install(name: string | symbol, descriptor: PropertyDescriptor): void {
  Object.defineProperty(NDArray.prototype, name, { ...descriptor, configurable: true });
}
for (const [name, f] of Object.entries(FUNCTIONS) as [string, OfArray][])
  install(name, {
    value(this: NDArray, ...args: ArrayLike[]) {
      return f(this, ...args);
    },
  });
for (const name of Reflect.ownKeys(METHODS)) install(name, { value: METHODS[name] });
for (const [name, f] of Object.entries(GETTERS))
  install(name, {
    get(this: NDArray) {
      return f(this);
    },
  });
for (const [name, descriptor] of refusals()) install(name, descriptor);
