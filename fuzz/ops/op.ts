/** What the generator knows of an operation: one record, filled by the helpers of its family. */
import { type ArrayType, type Body, isFloat, isInt, type Params } from "../program.ts";
import type { Rng } from "../rng.ts";

/** What a table asks of the program made so far; implemented by the generator. Values are numbers of values. */
export interface Chooser {
  readonly rng: Rng;
  readonly x64: boolean;
  /** Only what has derivatives backwards. */
  readonly backwards: boolean;
  type(id: number): ArrayType;
  /** One of the values made so far. */
  value(accept?: (t: ArrayType) => boolean): number;
  /** A value of this type, made of an existing one where that is possible. */
  of(type: ArrayType, from?: number): number;
  /** A value that broadcasts with this one and has its dtype, if nothing else is asked for; unless told not to, also a plain number. */
  partner(id: number, accept?: (t: ArrayType) => boolean, numbers?: boolean): number;
  /** A plain number. */
  literal(value: number | boolean): number;
  /** An array that does not depend on the inputs. */
  constant(type: ArrayType, draw: () => number): number;
  /** Adds a step; its values. */
  emit(op: string, args: readonly number[], params?: Params, bodies?: readonly Body[]): number[];
  /** A function of values of these types; what it returns is chosen at its end. `closed`: it sees nothing else. */
  body(
    params: readonly ArrayType[],
    outs: (params: readonly number[]) => readonly number[],
    closed?: boolean,
  ): Body;
  /** The types of what a body returns. */
  outTypes(body: Body): ArrayType[];
}

export interface Choice {
  readonly args: readonly number[];
  readonly params?: Params;
  readonly bodies?: readonly Body[];
}

/**
 * Texts are expressions in which `a` are the arguments, `p` the parameters, `f` the bodies: `np.sum(a[0], p.axis)`. The first
 * word of the name is the public function that is tried.
 */
export interface Op {
  readonly name: string;
  readonly weft: string;
  readonly jax: string;
  /** How often it is chosen, compared with others; default 1. */
  readonly weight: number;
  /** Undefined: not possible with the values there are. */
  choose(g: Chooser): Choice | undefined;
}

export type OpSpec = Omit<Op, "weight"> & Partial<Pick<Op, "weight">>;
export const op = (spec: OpSpec): Op => ({ weight: 1, ...spec });

/** `bitwiseAnd` in JAX's spelling. */
export const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`).replace(/([a-z])(\dd)$/, "$1_$2");

export const floats = (t: ArrayType): boolean => isFloat(t.dtype);
export const ints = (t: ArrayType): boolean => isInt(t.dtype);
export const bools = (t: ArrayType): boolean => t.dtype === "bool";
export const numbers = (t: ArrayType): boolean => t.dtype !== "bool";
export const bits = (t: ArrayType): boolean => isInt(t.dtype) || t.dtype === "bool";
export const signed = (t: ArrayType): boolean => !t.dtype.startsWith("uint") && t.dtype !== "bool";
export const anything = (): boolean => true;
export const rank =
  (lo: number, hi = 6) =>
  (t: ArrayType): boolean =>
    t.shape.length >= lo && t.shape.length <= hi;
export const filled = (t: ArrayType): boolean => t.shape.every((d) => d > 0);
export const both =
  (...tests: readonly ((t: ArrayType) => boolean)[]) =>
  (t: ArrayType): boolean =>
    tests.every((test) => test(t));

/** For functions that make floats of whole numbers: with 64-bit types on, JAX makes float64 of them, weft never does. */
export const inexact = (g: Chooser): ((t: ArrayType) => boolean) => (g.x64 ? floats : anything);

export const anAxis = (g: Chooser, ndim: number): number =>
  g.rng.chance(0.3) ? g.rng.int(-ndim, -1) : g.rng.int(0, ndim - 1);

/** Some axes in random order. */
export function someAxes(g: Chooser, ndim: number, atLeast = 0): number[] {
  const axes = g.rng.shuffled([...Array(ndim).keys()]);
  return axes.slice(0, g.rng.int(Math.min(atLeast, ndim), ndim));
}

/** Null for all, one axis, or some. */
export function axesOrNull(g: Chooser, ndim: number): number | number[] | null {
  if (ndim === 0 || g.rng.chance(0.2)) return null;
  return g.rng.chance(0.6) ? anAxis(g, ndim) : someAxes(g, ndim);
}
