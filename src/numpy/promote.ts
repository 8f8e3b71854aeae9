/** What NumPy does to operands before it computes: common dtypes and common shapes. Everything below lax is strict. */
import { type ArrayLike, literalValueOf, NDArray, scalar } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkAxisList, checkInt32 } from "../core/check.ts";
import { type DType, isFloat, kindOf, type Promoted, promote } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import { range } from "../lax/axes.ts";
import { broadcastInDim } from "../lax/broadcast.ts";
import { convertTo } from "../lax/cast.ts";
import { tuple } from "../lax/check.ts";
import {
  asArray,
  asCarry,
  asOperand,
  fromHost,
  isNumber,
  isPlain,
  isWholeNumber,
  type Place,
} from "../lax/convert.ts";
import { broadcastShapes, canonicalAxis, equalShape } from "../util/shape.ts";

/** One axis, several, or null for all. Negative axes count from the end. */
export type Axis = number | readonly number[] | null;
export type UnaryFunction = (x: ArrayLike) => NDArray;
export type BinaryFunction = (x: ArrayLike, y: ArrayLike) => NDArray;

/** Arrays and other things that have a type, and numbers and booleans, which take one. */
type Promotable = Promoted | NDArray | number | boolean;

/** The i-th of several operands; what is plain has no type yet. */
export const operand = (at: Place, i: number, x: ArrayLike): NDArray | number | boolean =>
  isPlain(x) ? x : asOperand(at, i, x);
const operandsOf = (at: Place, xs: readonly ArrayLike[]): (NDArray | number | boolean)[] =>
  xs.map((x, i) => operand(at, i, x));

/** The type with which an operand takes part: whole numbers are weak integers beside integers and bools. */
function joinsAs(x: Promotable, besideIntegers: boolean): Promoted {
  if (typeof x === "boolean") return { dtype: "bool", weakType: false };
  return besideIntegers && isWholeNumber(x) ? WEAK_INTEGER : typeof x === "number" ? WEAK_FLOAT : x;
}
const WEAK_INTEGER: Promoted = { dtype: "int32", weakType: true };
const WEAK_FLOAT: Promoted = { dtype: "float32", weakType: true };

const isIntegral = (x: Promotable): boolean =>
  typeof x === "object" ? !isFloat(x.dtype) : typeof x === "boolean";

/** The type that these operands have in common. */
export function commonOf(xs: readonly Promotable[]): Promoted {
  const besideIntegers = xs.some(isIntegral);
  return promote(xs.map((x) => joinsAs(x, besideIntegers)));
}

/** The type that these operands are converted to when they meet. */
export const commonType = (at: Place, ...xs: readonly ArrayLike[]): Promoted => commonOf(operandsOf(at, xs));

/** x, which is known to be an array or like one, with this type. What is known on the host is converted there, so that scalars stay literals and lists keep their digits. */
export function withType(x: ArrayLike, type: Promoted): NDArray {
  if (Array.isArray(x)) return convertTo(fromHost("", x, type.dtype), type);
  if (x instanceof NDArray && x.dtype === type.dtype && x.weakType === type.weakType) return x;
  const known =
    typeof x === "boolean" ? x : x instanceof NDArray && !isNumber(x) ? literalValueOf(x) : undefined;
  return known === undefined ? convertTo(x, type) : scalar(known, type.dtype, type.weakType);
}

/** The operands under their common type. */
export function promoteArgs(at: Place, ...xs: readonly ArrayLike[]): NDArray[] {
  const operands = operandsOf(at, xs);
  const type = commonOf(operands);
  return operands.map((x, i) => withType(isOf(x, type.dtype) ? x : xs[i]!, type));
}
const isOf = (x: NDArray | number | boolean, dtype: DType): boolean =>
  x instanceof NDArray && x.dtype === dtype;

const inexact = ({ dtype, weakType }: Promoted): Promoted => ({
  dtype: isFloat(dtype) ? dtype : "float32",
  weakType,
});
const numeric = ({ dtype, weakType }: Promoted): Promoted => ({
  dtype: kindOf(dtype) === "bool" ? "int32" : dtype,
  weakType,
});

const promoteBy =
  (raise: (type: Promoted) => Promoted) =>
  (at: Place, ...xs: readonly ArrayLike[]): NDArray[] => {
    const type = raise(commonType(at, ...xs));
    return xs.map((x) => withType(x, type));
  };

/** As {@link promoteArgs}; plain whole numbers that meet no array are weak integers. For what only integers have. */
export const promoteWhole = (at: Place, ...xs: readonly ArrayLike[]): NDArray[] =>
  promoteArgs(at, ...(xs.every(isWholeNumber) ? xs.map((x) => asCarry("", x)) : xs));

/** As {@link promoteArgs}, with integers and bools as float32. */
export const promoteInexact: (at: Place, ...xs: readonly ArrayLike[]) => NDArray[] = promoteBy(inexact);
/** As {@link promoteArgs}, with bools as int32. */
export const promoteNumeric: (at: Place, ...xs: readonly ArrayLike[]) => NDArray[] = promoteBy(numeric);

/** x with another type. @param what names function and argument in the error: "np.sin: x" */
const raising =
  (raise: (type: Promoted) => Promoted) =>
  (what: string, x: ArrayLike): NDArray =>
    withType(x, raise(commonOf([isPlain(x) ? x : asArray(what, x)])));

/** x with integers and bools as float32. */
export const toInexact: (what: string, x: ArrayLike) => NDArray = raising(inexact);
/** x with bools as int32. */
export const toNumeric: (what: string, x: ArrayLike) => NDArray = raising(numeric);

/** x repeated to `shape`, axes aligned at the right. */
export const spread = (x: NDArray, shape: Shape): NDArray =>
  broadcastInDim(x, shape, range(x.ndim, shape.length - x.ndim));

/** The shape that these shapes broadcast to. @throws WeftTypeError if there is none. */
export function commonShape(name: string, shapes: readonly Shape[]): number[] {
  const shape = broadcastShapes(...shapes);
  if (shape) return shape;
  throw new WeftTypeError(
    `${name} got incompatible shapes for broadcasting: ${shapes.map(tuple).join(", ")}.`,
  );
}

/** Operands of one shape; scalars stay scalars, which lax accepts beside anything. */
export function broadcastArgs(name: string, xs: readonly NDArray[]): NDArray[] {
  const shapes = xs.map((x) => x.shape).filter((s) => s.length > 0);
  if (shapes.every((s) => equalShape(s, shapes[0]!))) return [...xs];
  const shape = commonShape(name, shapes);
  return xs.map((x) => (x.ndim === 0 ? x : spread(x, shape)));
}

/** The axes that the argument `axis` of `caller` names, as a list of distinct non-negative numbers. */
export function axesOf(caller: string, axis: Axis | undefined, ndim: number): number[] {
  if (axis === null || axis === undefined) return range(ndim);
  const what = `${caller}: axis`;
  return typeof axis === "number" ? [canonicalAxis(what, axis, ndim)] : checkAxisList(what, axis, ndim);
}

/** Positions in an array: plain numbers and nested arrays become int32. @throws WeftTypeError for other dtypes. */
export function asPositions(what: string, x: ArrayLike): NDArray {
  const given = asCarry(what, x);
  // Beyond 2^24 a list of floats has lost digits that positions need.
  const positions = areWhole(x) ? wholePositions(what, x) : given;
  const kind = kindOf(positions.dtype);
  if (kind === "int" || kind === "uint") return positions;
  const remedy =
    kind === "bool"
      ? "A mask selects a number of elements that is not known while tracing: use np.where(mask, x, y)."
      : `Convert them with .astype("int32").`;
  throw new WeftTypeError(`${what} must have an integer dtype, got ${positions.aval}. ${remedy}`);
}

/** Whether these are plain whole numbers, maybe nested. */
const areWhole = (x: ArrayLike): x is Exclude<ArrayLike, NDArray> =>
  Array.isArray(x) ? x.every(areWhole) : Number.isInteger(x);

/** @throws WeftValueError for one that no position can be */
function wholePositions(what: string, x: Exclude<ArrayLike, NDArray>): NDArray {
  for (const n of ([x] as unknown[]).flat(Number.POSITIVE_INFINITY)) checkInt32(what, n as number);
  return fromHost(what, x, "int32");
}

export const isDTypeOfKind = (dtype: DType, ...kinds: ReturnType<typeof kindOf>[]): boolean =>
  kinds.includes(kindOf(dtype));
