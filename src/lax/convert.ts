/** From what users pass to arrays. */
import { type ArrayLike, DeviceArray, fromTyped, NDArray, ofNumber, scalar } from "../core/array.ts";
import { MOST_AXES, type Shape, ShapedArray } from "../core/aval.ts";
import { checkNumber, checkShape } from "../core/check.ts";
import {
  checkDType,
  DTYPES,
  type DType,
  dtypeOfTypedArray,
  isFloat,
  numberAs,
  type Promoted,
  promote,
  type TypedArray,
} from "../core/dtype.ts";
import { InternalError, WeftTypeError, WeftValueError } from "../core/errors.ts";
import { hostArray } from "../core/host.ts";
import { isWhole, NumberTracer } from "../core/stage.ts";
import { show } from "../util/text.ts";

/** Stacking traced arrays is an operation, and operations stand above this module: join.ts installs it. */
let stackArrays: (what: string, parts: NDArray[]) => NDArray = () => {
  throw new InternalError("lax is not loaded.");
};
export function installStack(stack: (what: string, parts: NDArray[]) => NDArray): void {
  stackArrays = stack;
}

export const isPlain = (x: unknown): x is number | boolean => typeof x === "number" || typeof x === "boolean";
/** Also typed arrays of other realms, subclasses such as Node's Buffer, and views of shared memory. */
const isView = (x: unknown): x is TypedArray => ArrayBuffer.isView(x) && dtypeOfTypedArray(x) !== undefined;

/**
 * Any array-like as an array. A number becomes a weak float32 scalar, a boolean a bool scalar; a typed array keeps its
 * element type; nested arrays become float32, or bool if all their leaves are booleans. Nested arrays may hold arrays,
 * also traced ones, which are stacked under NumPy's promotion rules.
 *
 * @throws WeftTypeError for anything else (strings, objects), WeftValueError for ragged nesting.
 * @example lax.asArray([[1, 2], [3, 4]]).shape // => [2, 2]
 */
export const arrayOf = (x: ArrayLike): NDArray => asArray("lax.asArray: x", x);

/** {@link arrayOf} for an argument, of which errors speak. @param what names it and its function: "np.round: x" */
export function asArray(what: string, x: ArrayLike): NDArray {
  if (x instanceof NDArray) return x;
  if (typeof x === "number") return ofNumber(x);
  if (typeof x === "boolean") return scalar(x, "bool");
  return fromHost(what, x);
}

/** A typed or nested array, or a plain number, as an array of `dtype` (default: what {@link asArray} says, not weak). */
export function fromHost(what: string, x: Exclude<ArrayLike, NDArray>, dtype?: DType): NDArray {
  if (isView(x))
    return fromTyped(cast(x, dtype ?? dtypeOfTypedArray(x)!), [x.length], dtype ?? dtypeOfTypedArray(x)!);
  if (isPlain(x)) return scalar(x, dtype ?? (typeof x === "boolean" ? "bool" : "float32"));
  if (!Array.isArray(x)) throw notAnArray(what, x);
  const leaves = flatten(what, x);
  if (leaves.length > 0 && !leaves.every(isPlain)) {
    const common = dtype ?? promote(leaves.map(leafType)).dtype;
    const inner = (part: ArrayLike): NDArray =>
      isNumber(part) ? asScalar(part, common) : part instanceof NDArray ? part : fromHost(what, part, common);
    return stackArrays(what, x.map(inner));
  }
  const type =
    dtype ?? (leaves.length > 0 && leaves.every((v) => typeof v === "boolean") ? "bool" : "float32");
  return fromTyped(cast(leaves as (number | boolean)[], type), nestedShape(what, x), type);
}

/** The type with which a number or array takes part in a nested array that holds arrays. */
const leafType = (x: ArrayLike): Promoted =>
  isView(x) ? { dtype: dtypeOfTypedArray(x)!, weakType: false } : asCarry("", x).aval;

/** How errors describe what is no array. */
export function describe(x: unknown): string {
  if (typeof x === "string") return `the string ${show(x)}`;
  return x === undefined || x === null || typeof x === "function"
    ? show(x)
    : `${show(x)} of type ${typeof x}`;
}

/** The error for what cannot become an array. */
const notAnArray = (what: string, x: unknown): WeftTypeError =>
  new WeftTypeError(
    `${what} is ${describe(x)}, which is not a valid array. ` +
      `Pass an array, a number, a boolean, a typed array (${Object.keys(DTYPES).slice(0, -1).join(", ")}) or nested arrays of these.`,
  );

/** The plain values, views and arrays in nested arrays. */
function flatten(what: string, nested: ArrayLike): ArrayLike[] {
  const out: ArrayLike[] = [];
  const walk = (x: ArrayLike, depth: number): void => {
    if (depth > MOST_AXES)
      throw new WeftValueError(
        `${what}: nested arrays are at most ${MOST_AXES} levels deep; these are deeper, or contain themselves.`,
      );
    if (Array.isArray(x)) for (const part of x) walk(part, depth + 1);
    else if (isPlain(x) || x instanceof NDArray || isView(x)) out.push(x as ArrayLike);
    else throw notAnArray(`${what}${placeIn(nested, x)}`, x);
  };
  walk(nested, 0);
  return out;
}

/** `[1][0]`: where a value is met first in nested arrays. */
function placeIn(nested: unknown, value: unknown): string | undefined {
  if (Object.is(nested, value)) return "";
  if (!Array.isArray(nested)) return undefined;
  for (const [i, part] of nested.entries()) {
    const place = placeIn(part, value);
    if (place !== undefined) return `[${i}]${place}`;
  }
  return undefined;
}

/** The shape of nested plain arrays; throws where siblings differ. */
function nestedShape(what: string, x: unknown): number[] {
  if (!Array.isArray(x)) return [];
  const shapes = x.map((part) => nestedShape(what, part));
  const first = shapes[0] ?? [];
  const odd = shapes.findIndex((s) => String(s) !== String(first));
  if (odd >= 0)
    throw new WeftValueError(
      `${what}: nested arrays must have equal lengths: element 0 has shape [${first}] but element ${odd} has shape [${shapes[odd]}].`,
    );
  return [x.length, ...first];
}

type Values = { readonly length: number; readonly [i: number]: number | boolean };

/** Storage of `dtype` with these values, see {@link numberAs}. */
function cast(values: Values, dtype: DType): TypedArray {
  // Whoever gets it copies it.
  if (isView(values) && dtypeOfTypedArray(values) === dtype) return values;
  const out = hostArray([values.length], dtype);
  for (let i = 0; i < values.length; i++) out[i] = numberAs(Number(values[i]), dtype);
  return out;
}

/**
 * The operands of a strict operation: plain numbers and booleans take the dtype of the first array beside them (weakly),
 * unless they do not fit it, in which case the operation will complain about two dtypes.
 */
export function operands(at: Place, ...xs: ArrayLike[]): NDArray[] {
  const dtype = xs.find((x): x is NDArray => x instanceof NDArray && !isNumber(x))?.dtype;
  return xs.map((x, i) => (dtype && fits(x, dtype) ? asScalar(x, dtype) : asOperand(at, i, x)));
}

/** How errors call the i-th of several operands: written only where there is one, as operations are called often. */
export type Place = (i: number) => string;
/** @example place("np.where", "x", "y")(1) // => "np.where: y" */
export const place =
  (caller: string, ...names: readonly string[]): Place =>
  (i) =>
    `${caller}: ${names[i]}`;

/** The i-th of several operands as an array. */
export const asOperand = (at: Place, i: number, x: ArrayLike): NDArray =>
  x instanceof NDArray || isPlain(x) ? asArray("", x) : asArray(at(i), x);

/** A plain number: known, known and given to a function that expects arrays, or an argument of a program. */
type PlainNumber = number | DeviceArray | NumberTracer;

/** The plain number that x is or stands for, if it is known. */
export const numberOf = (x: unknown): number | undefined =>
  typeof x === "number" ? x : x instanceof DeviceArray ? x.number : undefined;
export const isNumber = (x: unknown): x is PlainNumber =>
  numberOf(x) !== undefined || x instanceof NumberTracer;
export const isWholeNumber = (x: unknown): x is PlainNumber =>
  x instanceof NumberTracer ? x.whole : isWhole(numberOf(x) ?? Number.NaN);

/** Whether x has no dtype of its own and can be one of `dtype`. */
const fits = (x: ArrayLike, dtype: DType): x is PlainNumber | boolean =>
  typeof x === "boolean" || (isNumber(x) && (isFloat(dtype) || (dtype !== "bool" && isWholeNumber(x))));

/** A plain number or boolean as a weak scalar of `dtype`. */
export const asScalar = (x: PlainNumber | boolean, dtype: DType): NDArray =>
  x instanceof NumberTracer
    ? x.as({ dtype, weakType: true })
    : scalar(typeof x === "boolean" ? x : numberOf(x)!, dtype, true);

/**
 * As {@link asArray}, except that a plain integer is weakly int32, as a Python int is: what counts, and what loops carry. The
 * weak-type promotion of loops turns it into whatever the body makes of it.
 */
export const asCarry = (what: string, x: ArrayLike): NDArray =>
  isWholeNumber(x) ? asScalar(x, "int32") : asArray(what, x);

/** What is an array by itself; nested arrays are trees where trees are expected. */
export const isArrayLeaf = (x: unknown): x is ArrayLike => x instanceof NDArray || isPlain(x) || isView(x);

/** A scalar index or count as int32, unless it is an array already. */
export const asIndex = (what: string, x: ArrayLike): NDArray =>
  isPlain(x) ? scalar(x, "int32", true) : asCarry(what, x);

/** Anything with a shape and a dtype. */
export interface Typed {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly weakType?: boolean;
}

/** x itself, or what it is as an array. @throws as {@link asArray} */
export function checkTyped(caller: string, x: Typed | ArrayLike): Typed {
  if (x instanceof NDArray || x instanceof ShapedArray) return x;
  if (typeof x !== "object" || x === null || !("dtype" in x)) return asArray(`${caller}: x`, x as ArrayLike);
  return { shape: checkShape(caller, x.shape), dtype: checkDType(caller, x.dtype) };
}

/** A plain number or boolean. @throws WeftTypeError for anything else */
export function checkPlain(what: string, x: unknown): number | boolean {
  return typeof x === "boolean" ? x : checkNumber(what, x);
}
