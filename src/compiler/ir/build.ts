/**
 * Constructors of expressions. Equal expressions are one object (per process, while they are alive), so `===` compares them
 * and statements share what they have in common; what folds or is neutral disappears.
 *
 * Neutral elements follow XLA: `x + 0` is x also for x = -0.
 */
import { type DType, isFloat } from "../../core/dtype.ts";
import { assert } from "../../core/errors.ts";
import type { BinaryFn, UnaryFn } from "../../core/lowering.ts";
import { conversion, wrap } from "../../core/scalar.ts";
import { identityOf } from "../../util/key.ts";
import { isConstant } from "./affine.ts";
import { foldBinary, foldUnary } from "./fold.ts";
import { binaryResult } from "./functions.ts";
import type { Affine, Buffer, Expr, Local, Time } from "./nodes.ts";
import { children } from "./visit.ts";

export { addAffine, affine, constant, scaleAffine, scaledAtom, subAffine } from "./affine.ts";
export { newBuffer, newLocal, newLoopVar } from "./visit.ts";

// ---------------------------------------------------------------------------------------------- one object per expression

/**
 * An expression is kept by what it is made of: the table hangs on its newest ingredient (buffer, atom or operand that is not
 * a constant), so it lives as long as all of them do and no longer.
 */
const tables = new WeakMap<WeakKey, Map<string, Expr>>();
const CONSTANTS = {};

function intern(owner: WeakKey, key: string, make: () => Expr): Expr {
  let table = tables.get(owner);
  if (!table) tables.set(owner, (table = new Map()));
  let found = table.get(key);
  if (!found) table.set(key, (found = make()));
  return found;
}

const newest = (owners: readonly WeakKey[]): WeakKey =>
  owners.reduce((a, b) => (identityOf(a) > identityOf(b) ? a : b), owners[0] ?? CONSTANTS);

function node(key: string, made: Expr): Expr {
  const operands = children(made);
  const owner = newest(operands.filter((x) => x.op !== "const"));
  return intern(owner, `${made.op} ${made.dtype} ${key} ${operands.map(identityOf).join(" ")}`, () => made);
}

const affineKey = ({ offset, terms }: Affine): string =>
  `${offset}${terms.map(({ atom, coeff }) => ` ${coeff}*${atom.id}`).join("")}`;

// ---------------------------------------------------------------------------------------------- leaves

/** A constant; `value` is brought into the range of `dtype` (integers wrap, floats round). */
export function constExpr(value: number | boolean, dtype: DType): Expr {
  const exact = wrap(dtype)(Number(value));
  const key = `${dtype} ${Object.is(exact, -0) ? "-0" : exact}`;
  return intern(CONSTANTS, key, () => ({ op: "const", dtype, value: exact }));
}

/** The value of an index, an int32. */
export function indexExpr(index: Affine): Expr {
  if (isConstant(index)) return constExpr(index.offset, "int32");
  const [only] = index.terms;
  const plain = index.terms.length === 1 && index.offset === 0 && only!.coeff === 1;
  if (plain && only!.atom.kind === "local" && only!.atom.dtype === "int32") return localExpr(only!.atom);
  const owner = newest(index.terms.map((t) => t.atom));
  return intern(owner, `index ${affineKey(index)}`, () => ({ op: "index", dtype: "int32", index }));
}

export const localExpr = (local: Local): Expr =>
  intern(local, "local", () => ({ op: "local", dtype: local.dtype, local }));

export function loadExpr(buffer: Buffer, index: Affine, since?: Time): Expr {
  const owner = newest([buffer, ...index.terms.map((t) => t.atom)]);
  const make = (): Expr => ({ op: "load", dtype: buffer.dtype, buffer, index, since });
  return intern(owner, `load ${buffer.id} ${affineKey(index)} since ${since}`, make);
}

// ---------------------------------------------------------------------------------------------- operations

const isValue = (e: Expr, value: number): boolean => e.op === "const" && e.value === value;

export function unaryExpr(fn: UnaryFn, x: Expr): Expr {
  const folded = x.op === "const" ? foldUnary(fn, x.value, x.dtype) : undefined;
  if (folded !== undefined) return constExpr(folded, x.dtype);
  const involution = fn === "neg" || fn === "not";
  if (involution && x.op === "unary" && x.fn === fn) return x.x;
  return node(fn, { op: "unary", dtype: x.dtype, fn, x });
}

export function binaryExpr(fn: BinaryFn, x: Expr, y: Expr): Expr {
  assert(x.dtype === y.dtype, `${fn} of ${x.dtype} and ${y.dtype}`);
  return simplified(fn, x, y) ?? node(fn, { op: "binary", dtype: binaryResult(fn, x.dtype), fn, x, y });
}

function simplified(fn: BinaryFn, x: Expr, y: Expr): Expr | undefined {
  if (x.op === "const" && y.op === "const") {
    const result = binaryResult(fn, x.dtype);
    const folded = foldBinary(fn, x.value, y.value, x.dtype, result);
    if (folded !== undefined) return constExpr(folded, result);
  }
  return NEUTRAL[fn]?.(x, y);
}

/** The operand that is the result. Multiplying floats by 0 is not among them: it gives NaN and -0, too. */
const NEUTRAL: Partial<Record<BinaryFn, (x: Expr, y: Expr) => Expr | undefined>> = {
  add: (x, y) => (isValue(y, 0) ? x : isValue(x, 0) ? y : undefined),
  sub: (x, y) => (isValue(y, 0) ? x : undefined),
  mul: (x, y) => (isValue(y, 1) ? x : isValue(x, 1) ? y : isFloat(x.dtype) ? undefined : zeroOf(x, y)),
  div: (x, y) => (isValue(y, 1) ? x : undefined),
  max: (x, y) => (x === y ? x : undefined),
  min: (x, y) => (x === y ? x : undefined),
  and: (x, y) => (x === y ? x : (zeroOf(x, y) ?? boolUnit(x, y, 1))),
  or: (x, y) => (x === y || isValue(y, 0) ? x : isValue(x, 0) ? y : undefined),
};
const zeroOf = (x: Expr, y: Expr): Expr | undefined => [x, y].find((e) => isValue(e, 0));
const boolUnit = (x: Expr, y: Expr, unit: number): Expr | undefined =>
  x.dtype !== "bool" ? undefined : isValue(y, unit) ? x : isValue(x, unit) ? y : undefined;

/** x·y + z. */
export const fmaExpr = (x: Expr, y: Expr, z: Expr): Expr => node("", { op: "fma", dtype: x.dtype, x, y, z });

export function selectExpr(cond: Expr, x: Expr, y: Expr): Expr {
  assert(cond.dtype === "bool" && x.dtype === y.dtype, `select(${cond.dtype}, ${x.dtype}, ${y.dtype})`);
  if (x === y) return x;
  if (cond.op === "const") return cond.value ? x : y;
  return node("", { op: "select", dtype: x.dtype, cond, x, y });
}

export function convertExpr(x: Expr, dtype: DType): Expr {
  if (x.dtype === dtype) return x;
  if (x.op === "const") return constExpr(conversion(x.dtype, dtype)(x.value), dtype);
  return node("", { op: "convert", dtype, x });
}

export function bitcastExpr(x: Expr, dtype: DType): Expr {
  if (x.dtype === dtype) return x;
  if (x.op === "bitcast") return bitcastExpr(x.x, dtype);
  return node("", { op: "bitcast", dtype, x });
}
