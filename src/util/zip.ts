/** List helpers that refuse to lose elements: lengths must agree, always. */

/** The element tuple of several lists read side by side. */
export type Zipped<Lists extends readonly (readonly unknown[])[]> = {
  -readonly [K in keyof Lists]: Lists[K][number];
};

/**
 * Pairs up lists of equal length.
 * @throws RangeError if the lengths differ.
 * @example zip([1, 2], ["a", "b"]) // => [[1, "a"], [2, "b"]]
 */
export function zip<Lists extends readonly (readonly unknown[])[]>(...lists: Lists): Zipped<Lists>[] {
  const length = lists[0]?.length ?? 0;
  if (lists.some((list) => list.length !== length)) {
    throw new RangeError(
      `zip needs lists of equal length, got ${lists.map((list) => list.length).join(", ")}`,
    );
  }
  return Array.from({ length }, (_, i) => lists.map((list) => list[i]) as Zipped<Lists>);
}

/**
 * Splits a list of pairs into the firsts and the seconds.
 * @example unzip([[1, "a"], [2, "b"]]) // => [[1, 2], ["a", "b"]]
 */
export function unzip<A, B>(pairs: readonly (readonly [A, B])[]): [A[], B[]] {
  return [pairs.map((pair) => pair[0]), pairs.map((pair) => pair[1])];
}

/** `unzip` for triples. */
export function unzip3<A, B, C>(triples: readonly (readonly [A, B, C])[]): [A[], B[], C[]] {
  return [triples.map((t) => t[0]), triples.map((t) => t[1]), triples.map((t) => t[2])];
}

/**
 * Splits `list` by `mask` into `[where false, where true]`, each in the original order (JAX's `partition_list`).
 * @throws RangeError if mask and list have different lengths.
 * @example partitionList([false, true, false], ["a", "b", "c"]) // => [["a", "c"], ["b"]]
 */
export function partitionList<T>(mask: readonly boolean[], list: readonly T[]): [T[], T[]] {
  const sides: [T[], T[]] = [[], []];
  for (const [chosen, item] of zip(mask, list)) sides[chosen ? 1 : 0].push(item as T);
  return sides;
}

/**
 * The inverse of `partitionList`: draws from `whenTrue` where the mask is true, else from `whenFalse`.
 * @throws RangeError if the mask does not use up both lists exactly.
 * @example mergeLists([false, true, false], ["a", "c"], ["b"]) // => ["a", "b", "c"]
 */
export function mergeLists<F, T>(
  mask: readonly boolean[],
  whenFalse: readonly F[],
  whenTrue: readonly T[],
): (F | T)[] {
  const trues = mask.filter(Boolean).length;
  if (trues !== whenTrue.length || mask.length - trues !== whenFalse.length) {
    throw new RangeError(
      `mergeLists: the mask asks for ${mask.length - trues} and ${trues} elements, ` +
        `the lists have ${whenFalse.length} and ${whenTrue.length}`,
    );
  }
  let f = 0;
  let t = 0;
  return mask.map((chosen) => (chosen ? (whenTrue[t++] as T) : (whenFalse[f++] as F)));
}

/** Cuts a list into consecutive groups of these lengths, and what is left. */
export function splitAt<T, N extends number[]>(
  list: readonly T[],
  ...sizes: N
): [...{ [K in keyof N]: T[] }, T[]] {
  let start = 0;
  const groups = sizes.map((n) => list.slice(start, (start += n)));
  return [...groups, list.slice(start)] as [...{ [K in keyof N]: T[] }, T[]];
}
