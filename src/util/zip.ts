/** List helpers that refuse to lose elements: lengths must agree, always. */

/** The element tuple of several lists read side by side. */
type Zipped<Lists extends readonly (readonly unknown[])[]> = {
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

/** Cuts a list into consecutive groups of these lengths, and what is left. */
export function splitAt<T, N extends number[]>(
  list: readonly T[],
  ...sizes: N
): [...{ [K in keyof N]: T[] }, T[]] {
  let start = 0;
  const groups = sizes.map((n) => list.slice(start, (start += n)));
  return [...groups, list.slice(start)] as [...{ [K in keyof N]: T[] }, T[]];
}
