/** The tree of combinations by which an associative operation is applied to all prefixes of a sequence. Blelloch 1990. */
import type { NDArray } from "../core/array.ts";
import { concatenate, expandDims, reshape, rev, sliceInDim } from "./shape.ts";

export type Combine = (a: NDArray[], b: NDArray[]) => NDArray[];

/** Element i of the result is the combination of elements 0 … i along the axis (with `reverse`, of i and all after it). */
export function prefixes(combine: Combine, elems: NDArray[], axis: number, reverse: boolean): NDArray[] {
  const flip = (xs: NDArray[]): NDArray[] => (reverse ? xs.map((x) => rev(x, [axis])) : xs);
  return flip(upwards(combine, flip(elems), axis));
}

/** Combines neighbours, solves the problem of half the size, and fills in what lies between. */
function upwards(combine: Combine, elems: NDArray[], axis: number): NDArray[] {
  const n = elems[0]?.shape[axis] ?? 0;
  if (n < 2) return elems;
  const part = (xs: NDArray[], from: number, to: number, stride = 1): NDArray[] =>
    xs.map((x) => sliceInDim(x, from, to, stride, axis));
  const odd = upwards(combine, combine(part(elems, 0, n - 1, 2), part(elems, 1, n, 2)), axis);
  const before = n % 2 === 0 ? part(odd, 0, n / 2 - 1) : odd;
  const between = n > 2 ? combine(before, part(elems, 2, n, 2)) : [];
  const first = part(elems, 0, 1);
  const even = first.map((x, i) => (between[i] ? concatenate([x, between[i]], axis) : x));
  return even.map((x, i) => interleave(x, odd[i]!, axis));
}

/** x0 y0 x1 y1 …; x may have one element more. */
function interleave(x: NDArray, y: NDArray, axis: number): NDArray {
  const [n, m] = [x.shape[axis]!, y.shape[axis]!];
  const longer = n === m ? y : concatenate([y, sliceInDim(x, n - 1, n, 1, axis)], axis);
  const pairs = concatenate([expandDims(x, [axis + 1]), expandDims(longer, [axis + 1])], axis + 1);
  const shape = x.shape.map((d, i) => (i === axis ? 2 * n : d));
  return sliceInDim(reshape(pairs, shape), 0, n + m, 1, axis);
}
