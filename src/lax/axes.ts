/** List arithmetic on axes: what shape and batch rules are made of. */

import { WeftValueError } from "../core/errors.ts";

/** Lists in JavaScript are for what a program consists of, not for data. */
const LONGEST = 2 ** 24;

/** start, start + 1, … @throws WeftValueError for more than anything sensible consists of */
export function range(n: number, start = 0): number[] {
  if (n > LONGEST)
    throw new WeftValueError(
      `A list of ${n} parts, steps or positions is too long; the limit is ${LONGEST}.`,
    );
  return Array.from({ length: n }, (_, i) => start + i);
}

/** Axes of an array after a new axis was inserted at `at`. */
export const bump = (axes: readonly number[], at: number): number[] => axes.map((a) => (a >= at ? a + 1 : a));

export const insert = <T>(list: readonly T[], at: number, value: T): T[] => [
  ...list.slice(0, at),
  value,
  ...list.slice(at),
];

export const pick = <T>(list: readonly T[], positions: readonly number[]): T[] =>
  positions.map((p) => list[p]!);

export const without = <T>(list: readonly T[], positions: readonly number[]): T[] =>
  list.filter((_, i) => !positions.includes(i));

export const complement = (ndim: number, axes: readonly number[]): number[] => without(range(ndim), axes);

/** The list whose entry at `axes[k]` is `atAxes[k]` and whose other entries are `others` in order. */
export function interleave<T>(axes: readonly number[], atAxes: readonly T[], others: readonly T[]): T[] {
  const rest = others[Symbol.iterator]();
  return range(atAxes.length + others.length).map((axis) => {
    const k = axes.indexOf(axis);
    return k >= 0 ? atAxes[k]! : rest.next().value!;
  });
}

/** The permutation that undoes `permutation`. */
export const inverse = (permutation: readonly number[]): number[] =>
  range(permutation.length).map((axis) => permutation.indexOf(axis));

export const isIncreasing = (list: readonly number[]): boolean =>
  list.every((x, i) => i === 0 || x > list[i - 1]!);

export const hasDuplicates = (list: readonly number[]): boolean => new Set(list).size !== list.length;
