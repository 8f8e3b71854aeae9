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

/** The entries at which `mask` is true, and those at which it is false. */
export const pick = <T>(list: readonly T[], mask: readonly boolean[]): T[] => list.filter((_, i) => mask[i]);
export const drop = <T>(list: readonly T[], mask: readonly boolean[]): T[] => list.filter((_, i) => !mask[i]);

/**
 * One entry per entry of the mask: where it is true the next one of `list`, which has as many, elsewhere what `otherwise` says.
 * @throws RangeError if the list has another length
 * @example filled([true, false, true], ["a", "b"], (i) => i) // => ["a", 1, "b"]
 */
export function filled<T, U>(
  mask: readonly boolean[],
  list: readonly T[],
  otherwise: (i: number) => U,
): (T | U)[] {
  let next = 0;
  const entries = mask.map((chosen, i) => (chosen ? list[next++]! : otherwise(i)));
  if (next !== list.length)
    throw new RangeError(`filled: the mask asks for ${next} elements, the list has ${list.length}`);
  return entries;
}

/**
 * {@link filled} from two lists, whose entries keep their order: undoes taking a list apart by a mask.
 * @throws RangeError if the mask does not use up both lists exactly
 * @example merged([false, true, false], ["b"], ["a", "c"]) // => ["a", "b", "c"]
 */
export function merged<T>(mask: readonly boolean[], whenTrue: readonly T[], whenFalse: readonly T[]): T[] {
  const others = mask.filter((chosen) => !chosen).length;
  if (others !== whenFalse.length)
    throw new RangeError(`merged: the mask leaves ${others} elements, the list has ${whenFalse.length}`);
  let next = 0;
  return filled(mask, whenTrue, () => whenFalse[next++]!);
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
