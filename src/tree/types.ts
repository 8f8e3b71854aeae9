/** How the type of a tree relates to the types of its leaves. */

/**
 * A tree with leaves of one type, for values whose structure is not known statically. Interfaces are not assignable to
 * index signatures, so a function that accepts any tree takes a type parameter constrained by `TreeOf` instead.
 */
export type Tree<Leaf> =
  | Leaf
  | null
  | undefined
  | readonly Tree<Leaf>[]
  | { readonly [key: string]: Tree<Leaf> };

/** The object types that are leaves: arrays of numbers in the wide sense, and what JavaScript ships as classes. */
export type LeafObject =
  | { readonly shape: readonly number[]; readonly dtype: unknown }
  | ArrayBufferView
  | ArrayBufferLike
  | Function
  | Date
  | RegExp
  | Promise<unknown>
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>;

type ArrayIn<T> = Extract<T, { readonly shape: readonly number[]; readonly dtype: unknown }>;
/**
 * The nested lists of a type like `type Like = Array | number | readonly Like[]`: one way more to write an array, and no tree.
 * (Lists in `Array | Array[]`, a choice of trees, do not contain the whole.)
 */
type NestedLists<T, Whole = T> =
  IsAny<T> extends true
    ? never
    : T extends LeafObject
      ? never
      : T extends readonly (infer E)[]
        ? [ArrayIn<Whole>] extends [never]
          ? never
          : [Exclude<Whole, Empty>] extends [E]
            ? T
            : never
        : never;

/**
 * All {@link NestedLists} in a tree, as far down as parameters go. (Level by level, not by recursion with a depth: to compare two answers
 * for unknown trees TypeScript would follow it without end.)
 */
export type NestedListsIn<T> = ListsOf<[T] | Parts<[T]> | Parts<Parts<[T]>> | Parts<Parts<Parts<[T]>>>>;
type ListsOf<Boxed> = Boxed extends readonly [infer T] ? NestedLists<T> : never;
/** Each in a tuple of one, because what a list is depends on the whole type of the place. */
type Parts<Boxed> = Boxed extends readonly [infer T] ? PartsOf<Exclude<T, NestedLists<T>>> : never;
type PartsOf<T> = T extends Empty | Primitive | LeafObject
  ? never
  : { [K in keyof T]-?: [T[K]] }[T extends readonly unknown[] ? number & keyof T : keyof T];

export type Primitive = string | number | bigint | boolean | symbol;
type Empty = null | undefined;
type IsAny<T> = 0 extends 1 & T ? true : false;

/** Recursive types (a linked list, `Tree` itself) would unfold for ever; they repeat themselves long before this depth. */
type TooDeep<Depth extends readonly unknown[]> = Depth["length"] extends 10 ? true : false;
type Deeper<Depth extends readonly unknown[]> = [...Depth, unknown];

/** An object with methods is an instance of a class. Its fields need not be its leaves: what `register` was told decides. */
type HasMethods<T> = true extends { [K in keyof T]-?: T[K] extends Function ? true : never }[keyof T]
  ? true
  : false;
/** Of the fields of an instance, the arrays are taken for its leaves; nothing is known of one that shows none. */
// biome-ignore lint/suspicious/noExplicitAny: see above
type OfInstance<Leaf> = [ArrayIn<Leaf>] extends [never] ? any : ArrayIn<Leaf>;
type OfFields<T, Leaf> = HasMethods<T> extends true ? OfInstance<Leaf> : Leaf;

/**
 * The union of the leaf types of `T`.
 * @example type L = LeafOf<{ w: number; layers: readonly string[]; skip: null }> // => number | string
 */
export type LeafOf<T, Depth extends readonly unknown[] = []> =
  IsAny<T> extends true
    ? T
    : TooDeep<Depth> extends true
      ? never
      : unknown extends T
        ? unknown
        : T extends Empty
          ? never
          : T extends Primitive | LeafObject
            ? T
            : T extends readonly unknown[]
              ? LeafOf<T[number], Deeper<Depth>>
              : OfFields<T, { [K in keyof T]-?: LeafOf<T[K], Deeper<Depth>> }[keyof T]>;

/**
 * `T` with every leaf replaced by `To`, where anything that may be written for an array is one leaf; the structure, optional keys, tuples and `readonly` stay.
 * @example type M = MapTree<{ w: number; b: [number, null] }, string> // => { w: string; b: [string, null] }
 */
export type MapTree<T, To, Depth extends readonly unknown[] = []> =
  IsAny<T> extends true
    ? T
    : TooDeep<Depth> extends true
      ? T
      : unknown extends T
        ? unknown
        : MapNode<Exclude<T, NestedLists<T>>, To, Depth>;

type MapNode<T, To, Depth extends readonly unknown[]> = T extends Empty
  ? T
  : T extends Function
    ? MethodOr<T, To>
    : T extends Primitive | LeafObject
      ? To
      : [ArrayIn<To>] extends [never]
        ? { [K in keyof T]: MapTree<T[K], To, Deeper<Depth>> }
        : HasMethods<T> extends true
          ? T
          : Named<T, { [K in keyof T]: MapTree<T[K], To, Deeper<Depth>> }>;
/** No function is an array: where arrays become the leaves, a function is a method of a registered class and stays. */
type MethodOr<T, To> = [ArrayIn<To>] extends [never] ? To : T;
/** What has such leaves already is itself, with its name and its private members. */
type Named<T, Mapped> = [Mapped, Fields<T>] extends [Fields<T>, Mapped] ? T : Mapped;
type Fields<T> = { [K in keyof T]: T[K] };

/**
 * Whether there is a place in the tree where nothing but `Kind` can stand; `false` of what is not known. (Each question is put in such a
 * way that the answer for a type parameter in place of which anything fits is `false`, too, which lets functions for any tree pass.)
 */
export type HasLeaf<T, Kind, Depth extends readonly unknown[] = []> = [T] extends [never]
  ? false
  : IsAny<T> extends true
    ? false
    : TooDeep<Depth> extends true
      ? false
      : [T] extends [Kind]
        ? true
        : [false] extends [HasLeafIn<T, Kind, Deeper<Depth>>]
          ? false
          : true;
type HasLeafIn<T, Kind, Depth extends readonly unknown[]> = T extends Empty | Primitive | LeafObject
  ? false
  : T extends readonly unknown[]
    ? HasLeafAt<T, number & keyof T, Kind, Depth>
    : HasMethods<T> extends true
      ? false
      : HasLeafAt<T, keyof T, Kind, Depth>;
type HasLeafAt<T, Keys extends keyof T, Kind, Depth extends readonly unknown[]> = true extends {
  [K in keyof T]: HasLeaf<T[K], Kind, Depth>;
}[Keys]
  ? true
  : false;

/** What stands in `Rest` where `T` has its leaves: the further arguments of the function given to `map`. */
export type UpTo<T, Rest, Depth extends readonly unknown[] = []> =
  IsAny<T> extends true
    ? Rest
    : TooDeep<Depth> extends true
      ? never
      : unknown extends T
        ? unknown
        : T extends Empty
          ? never
          : T extends Primitive | LeafObject
            ? Rest
            : T extends readonly unknown[]
              ? UpTo<T[number], ElementOf<Rest>, Deeper<Depth>>
              : HasMethods<T> extends true
                ? OfInstance<LeafOf<Rest, Depth>>
                : { [K in keyof T]-?: UpToField<T[K], ValueAt<Rest, K>, Deeper<Depth>> }[keyof T];
/** Where a field is there in one tree, it is there in the other. */
type UpToField<T, Rest, Depth extends readonly unknown[]> = UpTo<
  T,
  Extract<T, Empty> extends never ? Rest : Exclude<Rest, Empty>,
  Depth
>;

type ElementOf<T> = T extends readonly (infer Element)[] ? Element : unknown;
type ValueAt<T, K> = K extends keyof T ? T[K] : unknown;

/**
 * What a type parameter extends that stands for trees with leaves of type `Leaf`: `<P extends TreeOf<P, Leaf>>(tree: P)`. Interfaces and
 * classes are accepted, and a wrong leaf is reported at its own key, but text or a number alone is not refused. (No union, in place of
 * which TypeScript would take the whole constraint for the parameter.)
 */
export type TreeOf<T, Leaf> = { readonly [K in keyof T]: T extends Leaf ? unknown : Field<T[K], Leaf> };
type Field<T, Leaf> = T extends Leaf | Empty | Function
  ? T
  : T extends Primitive | LeafObject
    ? Leaf
    : unknown extends T
      ? T
      : { readonly [K in keyof T]: Field<T[K], Leaf> };

/** Decides that a value is a leaf although it could be opened (or is empty). */
export type IsLeaf = (value: unknown) => boolean;
