/** Types and helpers shared by the transformations: user functions over trees as functions over lists of arrays. */

import { type ArrayLeaf, type ArrayLike, NDArray } from "../core/array.ts";
import type { ShapedArray } from "../core/aval.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { type NumberType, numberType } from "../core/stage.ts";
import { asArray } from "../lax/convert.ts";
import { arrayLeaves as leavesOf, mapLeaves } from "../lax/leaves.ts";
import type { MapTree, NestedListsIn } from "../tree/index.ts";
import * as tree from "../tree/index.ts";
import { isCallable, show } from "../util/text.ts";
import { filled, splitAt } from "../util/zip.ts";

// biome-ignore lint/suspicious/noExplicitAny: a transformation accepts functions of any trees; `any` lets their own types through
export type AnyFunction = (...args: any[]) => any;
/** Any value at all; the empty tuple among the choices makes TypeScript infer array literals as tuples. */
type AnyResult = [] | {} | null | undefined;
/**
 * A function of the user whose parameters have no types: as the default of a type parameter it is the context from which TypeScript
 * takes them, and that the result may be a tuple.
 */
export type ArrayFunction = (...args: NDArray[]) => AnyResult;

/**
 * The parameters of `F`. Where `f` is a call like `jit(g)`, TypeScript first looks whether all other arguments fit, with the default for
 * `F`: then they are anything.
 */
export type ParametersOf<F extends AnyFunction> = {
  known: F;
  unknown: ArrayFunction;
  count: number;
} extends { known: ArrayFunction; unknown: F; count: Parameters<F>["length"] }
  ? // biome-ignore lint/suspicious/noExplicitAny: see above
    any[]
  : Parameters<F>;

/**
 * The user's parameters, with anything that may stand for an array where the function takes arrays. Lists are trees then: a function
 * that takes them for arrays, as those of numpy do, is not given one.
 */
export type Inputs<F extends AnyFunction> = InputsOf<ParametersOf<F>>;
type InputsOf<Args extends readonly unknown[]> =
  TakesLists<Args> extends readonly [true, ...unknown[]]
    ? {
        [K in keyof Args]: TakesLists<Args> extends { readonly [Key in K]: true }
          ? MapTree<Args[K], ArrayLeaf>
          : Args[K] | MapTree<Args[K], ArrayLeaf>;
      }
    : { [K in keyof Args]: Args[K] | MapTree<Args[K], ArrayLeaf> };
/**
 * Which parameters have lists for arrays in them. Only the first is asked for, but all are looked at together, so that there is an answer
 * for type parameters, too: they have none.
 */
type TakesLists<Args extends readonly unknown[]> = {
  [K in keyof Args]-?: [NestedListsIn<Args[K]>] extends [never] ? false : true;
};
/** The user's parameters, each with arrays as leaves. */
export type ArrayInputs<F extends AnyFunction> = ArraysOf<ParametersOf<F>>;
type ArraysOf<Args extends readonly unknown[]> = { [K in keyof Args]: Arrays<Args[K]> };
/** The user's result with arrays as leaves. */
export type Output<F extends AnyFunction> = MapTree<ReturnType<F>, NDArray>;
/** A tree with arrays as leaves. */
export type Arrays<T> = MapTree<T, NDArray>;

/** Throws unless `f` can be called. */
export function checkCallable(f: unknown, what: string): void {
  if (!isCallable(f))
    throw new WeftTypeError(`${what} expects a function as its first argument, got ${show(f)}.`);
}

/** Numbers of arguments, counted from either end, of a call with `count` of them. */
export function checkArgnums(
  caller: string,
  what: string,
  argnums: readonly number[],
  count: number,
): number[] {
  return argnums.map((i) => {
    if (i >= -count && i < count) return i < 0 ? i + count : i;
    throw new WeftValueError(
      `${caller}: ${what} names argument ${i}, but the function was called with ${count} argument(s).`,
    );
  });
}

/** Leaves of a tree as arrays; the error for a leaf that is no array names its place and ends with the `remedy`. */
export const arrayLeaves = (
  value: unknown,
  where: string,
  remedy: string = REMEDY,
): [leaves: NDArray[], def: tree.TreeDef] => leavesOf(value, { where, remedy });

/** {@link arrayLeaves} in which plain numbers are left as they are. */
export function argumentLeaves(
  value: unknown,
  where: string,
  remedy: string = REMEDY,
): [leaves: Argument[], def: tree.TreeDef] {
  const [leaves, def] = tree.flattenFor(where, value);
  return [mapLeaves(leaves, def, { where, remedy }, asArgument), def];
}

const REMEDY = "a function can close over other values";
const asArgument = (x: ArrayLike): Argument => (typeof x === "number" ? x : asArray("", x));

/** A leaf of an argument: numbers have no dtype yet. */
export type Argument = NDArray | number;
/** What a trace depends on; equal types are one object. */
export const typeOf = (x: Argument): ShapedArray | NumberType =>
  typeof x === "number" ? numberType(x) : x.aval;

/** A function on flat lists of arrays made from one on trees. With aux, its arrays follow the leaves of the result. */
export interface FlatFunction {
  (leaves: NDArray[]): NDArray[];
  /** The tree of the result; known after a call. */
  outTree(): tree.TreeDef;
  /** Splits the outputs of a call, or of its transform, into the result's leaves and aux. */
  finish(outs: readonly NDArray[]): [leaves: NDArray[], aux: unknown];
}

/** With `hasAux`, f returns [out, aux]: only `out` is differentiated; aux may hold anything, its arrays are outputs too. */
export function flatten(
  f: AnyFunction,
  inTrees: readonly tree.TreeDef[],
  hasAux: boolean,
  what: string,
): FlatFunction {
  let def: tree.TreeDef | undefined;
  let auxTree: readonly [leaves: unknown[], def: tree.TreeDef] | undefined;
  const flat = (leaves: NDArray[]): NDArray[] => {
    let start = 0;
    const args = inTrees.map((d) => tree.unflatten(d, leaves.slice(start, (start += d.numLeaves))));
    const result = f(...args);
    const [out, aux] = hasAux ? splitAux(result, what) : [result, undefined];
    const [outLeaves, outDef] = arrayLeaves(out, `${what}: the function's result`);
    auxTree = tree.flatten(aux, undefined);
    def = outDef;
    return [...outLeaves, ...auxTree[0].filter(isNDArray)];
  };
  const finish = (outs: readonly NDArray[]): [NDArray[], unknown] => {
    const [auxLeaves, auxDef] = auxTree!;
    const [leaves, arrays] = splitAt(outs, def!.numLeaves);
    const aux = filled(auxLeaves.map(isNDArray), arrays!, (i) => auxLeaves[i]);
    return [leaves!, tree.unflatten(auxDef, aux)];
  };
  return Object.assign(flat, { outTree: () => def!, finish });
}

const isNDArray = (x: unknown): x is NDArray => x instanceof NDArray;

function splitAux(result: unknown, what: string): [unknown, unknown] {
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw new WeftTypeError(`${what} with hasAux expects the function to return a pair [out, aux].`);
}
