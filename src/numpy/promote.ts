/** What NumPy does to operands before it computes: common dtypes and common shapes. Everything below lax is strict. */
import { type ArrayLike, knownScalar, NDArray, scalar } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkAxisList } from "../core/check.ts";
import { type DType, isFloat, kindOf, type Promoted, promote } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import { range } from "../lax/axes.ts";
import { broadcastInDim } from "../lax/broadcast.ts";
import { convertTo } from "../lax/cast.ts";
import { tuple } from "../lax/check.ts";
import { asArray, asCarry, fromHost, isNumber, isWholeNumber } from "../lax/convert.ts";
import { broadcastShapes, canonicalAxis, equalShape } from "../util/shape.ts";

/** One axis, several, or null for all. Negative axes count from the end. */
export type Axis = number | readonly number[] | null;
export type UnaryFunction = (x: ArrayLike) => NDArray;
export type BinaryFunction = (x: ArrayLike, y: ArrayLike) => NDArray;

/** Arrays and other things that have a type, and numbers and booleans, which take one. */
type Operand = Promoted | NDArray | number | boolean;

export const operand = (x: ArrayLike): NDArray | number | boolean =>
  typeof x === "number" || typeof x === "boolean" ? x : asArray(x);

/** The type with which an operand takes part: whole numbers are weak integers beside integers and bools. */
function joinsAs(x: Operand, besideIntegers: boolean): Promoted {
  if (typeof x === "boolean") return { dtype: "bool", weakType: false };
  return besideIntegers && isWholeNumber(x) ? WEAK_INTEGER : typeof x === "number" ? WEAK_FLOAT : x;
}
const WEAK_INTEGER: Promoted = { dtype: "int32", weakType: true };
const WEAK_FLOAT: Promoted = { dtype: "float32", weakType: true };

const isIntegral = (x: Operand): boolean =>
  typeof x === "object" ? !isFloat(x.dtype) : typeof x === "boolean";

/** The type that these operands have in common. */
export function commonOf(xs: readonly Operand[]): Promoted {
  const besideIntegers = xs.some(isIntegral);
  return promote(xs.map((x) => joinsAs(x, besideIntegers)));
}

/** The type that these operands are converted to when they meet. */
export const commonType = (...xs: readonly ArrayLike[]): Promoted => commonOf(xs.map(operand));

/** x with this type. What is known on the host is converted there, so that scalars stay literals and lists keep their digits. */
export function withType(x: ArrayLike, type: Promoted): NDArray {
  if (Array.isArray(x)) return convertTo(fromHost(x, type.dtype), type);
  if (x instanceof NDArray && x.dtype === type.dtype && x.weakType === type.weakType) return x;
  const known =
    typeof x === "boolean" ? x : x instanceof NDArray && !isNumber(x) ? knownScalar(x) : undefined;
  return known === undefined ? convertTo(x, type) : scalar(known, type.dtype, type.weakType);
}

/** The operands under their common type. */
export function promoteArgs(...xs: readonly ArrayLike[]): NDArray[] {
  const operands = xs.map(operand);
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
  (...xs: readonly ArrayLike[]): NDArray[] => {
    const type = raise(commonType(...xs));
    return xs.map((x) => withType(x, type));
  };

/** As {@link promoteArgs}, with integers and bools as float32. */
export const promoteInexact: (...xs: readonly ArrayLike[]) => NDArray[] = promoteBy(inexact);
/** As {@link promoteArgs}, with bools as int32. */
export const promoteNumeric: (...xs: readonly ArrayLike[]) => NDArray[] = promoteBy(numeric);

/** x with integers and bools as float32. */
export const toInexact = (x: ArrayLike): NDArray => promoteInexact(x)[0]!;
/** x with bools as int32. */
export const toNumeric = (x: ArrayLike): NDArray => promoteNumeric(x)[0]!;

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

/** The axes that `axis` names, as a list of distinct non-negative numbers. */
export function axesOf(axis: Axis | undefined, ndim: number): number[] {
  if (axis === null || axis === undefined) return range(ndim);
  return typeof axis === "number" ? [canonicalAxis(axis, ndim)] : checkAxisList("axis", axis, ndim);
}

/** Positions in an array: plain numbers and nested arrays become int32. @throws WeftTypeError for other dtypes. */
export function asPositions(x: ArrayLike, what: string): NDArray {
  const positions = x instanceof NDArray || ArrayBuffer.isView(x) ? asCarry(x) : fromHost(x, "int32");
  const kind = kindOf(positions.dtype);
  if (kind === "int" || kind === "uint") return positions;
  const remedy =
    kind === "bool"
      ? "A mask selects a number of elements that is not known while tracing: use np.where(mask, x, y)."
      : `Convert them with .astype("int32").`;
  throw new WeftTypeError(`${what}: indices must have an integer dtype, got ${positions.aval}. ${remedy}`);
}

export const isDTypeOfKind = (dtype: DType, ...kinds: ReturnType<typeof kindOf>[]): boolean =>
  kinds.includes(kindOf(dtype));
