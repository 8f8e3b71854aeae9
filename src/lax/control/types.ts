/** What the bodies of loops and branches take and return, as types. */
import type { ArrayLeaf, NDArray } from "../../core/array.ts";
import type { HasLeaf, MapTree, Primitive } from "../../tree/index.ts";

/**
 * Any value at all; the tuples among the choices make TypeScript infer array literals as tuples, also inside of others. (In a type that
 * contains itself it would look for them without end.)
 */
export type AnyTree = Hinted<Hinted<Hinted<{} | null | undefined>>>;
type Hinted<Part> = [] | readonly Part[] | { readonly [key: string]: Part } | {} | null | undefined;
/** A tree whose leaves are arrays. */
export type Arrays<T> = MapTree<T, NDArray>;
/** A tree of the same structure whose leaves may be anything that stands for an array. */
export type ArraysLike<T> = ReadonlyLists<MapTree<T, ArrayLeaf>>;
type ReadonlyLists<T> = T extends ArrayLeaf
  ? T
  : T extends readonly unknown[]
    ? Readonly<{ [K in keyof T]: ReadonlyLists<T[K]> }>
    : T;
/**
 * What the body of a loop, declared elsewhere, may return for the carry `C`: also lists, for TypeScript, of which only running it tells
 * that they are as long as those of the carry. Else the type that is asked for, which the compiler's message then shows.
 */
export type Fits<R, C> = IsLike<R, C> extends true ? unknown : ArraysLike<C>;
type IsLike<R, C, Depth extends readonly unknown[] = []> = [R] extends [ArraysLike<C>]
  ? true
  : Depth["length"] extends 5
    ? false
    : [R extends unknown ? IsLikeSome<R, C, [...Depth, 0]> : never] extends [true]
      ? true
      : false;
/** One choice of what is returned, which one of those that the carry has must be like. */
type IsLikeSome<R, C, Depth extends readonly unknown[]> = true extends (
  C extends unknown
    ? IsLikeNode<R, C, Depth>
    : never
)
  ? true
  : false;
type IsLikeNode<R, C, Depth extends readonly unknown[]> = R extends ArrayLeaf
  ? C extends ArrayLeaf
    ? true
    : false
  : C extends ArrayLeaf
    ? false
    : R extends readonly unknown[]
      ? C extends readonly unknown[]
        ? number extends R["length"]
          ? IsLike<R[number], C[number], Depth>
          : R["length"] extends C["length"]
            ? AllLike<R, C, Exclude<keyof R & keyof C, keyof []>, Depth>
            : false
        : false
      : AllLike<R, C, keyof C, Depth>;
type AllLike<R, C, Keys extends keyof C, Depth extends readonly unknown[]> = [
  { [K in Keys]-?: K extends keyof R ? IsLike<R[K], C[K], Depth> : false }[Keys],
] extends [true]
  ? true
  : false;
/** As {@link Fits}, for what the body of a scan returns. */
export type FitsPair<R extends readonly unknown[], C> = number extends R["length"]
  ? unknown
  : R extends readonly [infer Carry, unknown]
    ? readonly [Fits<Carry, C>, unknown]
    : readonly [carry: ArraysLike<C>, y: unknown];
/** The second part of the pair that a body returns; of a list the parts that are no carry, if there are any. */
export type Second<R extends readonly unknown[], C> = R extends readonly [unknown, infer Y]
  ? Y
  : [Unlike<R[number], Arrays<C>>] extends [never]
    ? R[number]
    : Unlike<R[number], Arrays<C>>;
type Unlike<T, Carry> = T extends unknown ? (Carry extends T ? never : T) : never;

/** What xs have to be: a plain number or boolean has no axis, so where only those can stand an array is asked for. */
export type Sequences<X> = HasLeaf<X, Primitive> extends true ? Arrays<X> : unknown;
