/** Sums of products of arrays whose axes have names: what matmul, tensordot and einsum are made of. */

import type { NDArray } from "../core/array.ts";
import { WeftTypeError } from "../core/errors.ts";
import { complement, pick, range } from "../lax/axes.ts";
import { fullLike } from "../lax/broadcast.ts";
import { tuple } from "../lax/check.ts";
import { eq } from "../lax/compare.ts";
import { dotGeneral } from "../lax/dot.ts";
import { reduceOr, reduceSum } from "../lax/reduce.ts";
import { select } from "../lax/select.ts";
import { broadcastedIota, squeeze, transpose } from "../lax/views.ts";
import { promoteArgs } from "./promote.ts";

/** An array with one label per axis. */
export interface Labelled {
  readonly array: NDArray;
  readonly labels: readonly string[];
}

const named = ({ array, labels }: Labelled): string => `[${labels.join("")}] of shape ${tuple(array.shape)}`;

/** x without these axes. */
const dropping = ({ array, labels }: Labelled, axes: readonly number[]): Labelled => ({
  array: squeeze(array, axes),
  labels: pick(labels, complement(labels.length, axes)),
});

/** The sum over axes; of bools, whether any is true. */
const summing = ({ array, labels }: Labelled, axes: readonly number[]): Labelled => ({
  array: (array.dtype === "bool" ? reduceOr : reduceSum)(array, axes),
  labels: pick(labels, complement(labels.length, axes)),
});

/** Where a label occurs twice, its axes are replaced by their diagonal. */
export function diagonals(x: Labelled): Labelled {
  const second = x.labels.findIndex((label, axis) => x.labels.indexOf(label) < axis);
  if (second < 0) return x;
  const first = x.labels.indexOf(x.labels[second]!);
  const { array } = x;
  if (array.shape[first] !== array.shape[second])
    throw new WeftTypeError(`einsum: axes with one label must have one size, got ${named(x)}.`);
  const index = (axis: number): NDArray => broadcastedIota("int32", array.shape, axis);
  const masked = select(eq(index(first), index(second)), array, fullLike(array, 0));
  return diagonals(summing({ array: masked, labels: x.labels }, [second]));
}

/** x summed over the labels that nobody else wants. */
export function sumLone(x: Labelled, wanted: ReadonlySet<string>): Labelled {
  return summing(
    x,
    range(x.labels.length).filter((axis) => !wanted.has(x.labels[axis]!)),
  );
}

/** x with its axes in the order of `labels`. */
export const arranged = (x: Labelled, labels: readonly string[]): NDArray =>
  transpose(
    x.array,
    labels.map((label) => x.labels.indexOf(label)),
  );

/** An axis of size 1 stretches: it is dropped where the other operand has the label with another size. */
function withoutStretched(x: Labelled, other: Labelled): Labelled {
  const stretched = range(x.labels.length).filter((axis) => {
    const there = other.labels.indexOf(x.labels[axis]!);
    return there >= 0 && x.array.shape[axis] === 1 && other.array.shape[there] !== 1;
  });
  return dropping(x, stretched);
}

/**
 * The sum of products of x and y over the labels that both have and that are not `wanted`. The result has the shared
 * labels, then the free ones of x, then the free ones of y.
 */
export function contractPair(lhs: Labelled, rhs: Labelled, wanted: ReadonlySet<string>): Labelled {
  const [x, y] = [withoutStretched(lhs, rhs), withoutStretched(rhs, lhs)];
  const shared = x.labels.filter((label) => y.labels.includes(label));
  const [batch, contract] = [shared.filter((l) => wanted.has(l)), shared.filter((l) => !wanted.has(l))];
  const places = (side: Labelled, labels: readonly string[]): number[] =>
    labels.map((l) => side.labels.indexOf(l));
  const bad = shared.find((l) => x.array.shape[x.labels.indexOf(l)] !== y.array.shape[y.labels.indexOf(l)]);
  if (bad !== undefined)
    throw new WeftTypeError(
      `contracted axes must have one size: axis ${bad} differs between ${named(x)} and ${named(y)}.`,
    );
  const free = (side: Labelled): string[] => side.labels.filter((l) => !shared.includes(l));
  return {
    array: product(x.array, y.array, [
      [places(x, contract), places(y, contract)],
      [places(x, batch), places(y, batch)],
    ]),
    labels: [...batch, ...free(x), ...free(y)],
  };
}

/** dot_general under promotion. */
function product(x: NDArray, y: NDArray, dims: Parameters<typeof dotGeneral>[2]): NDArray {
  const [a, b] = promoteArgs(() => "", x, y) as [NDArray, NDArray];
  return dotGeneral(a, b, dims, { preferredElementType: a.dtype });
}

/** Pairwise contraction from left to right, arranged as `output`. */
export function contractAll(operands: readonly Labelled[], output: readonly string[]): NDArray {
  const parts = operands.map(diagonals);
  const wantedAfter = (k: number): Set<string> =>
    new Set([...output, ...parts.slice(k + 1).flatMap((p) => p.labels)]);
  const others = (k: number): Set<string> =>
    new Set([...output, ...parts.filter((_, j) => j !== k).flatMap((p) => p.labels)]);
  const [first, ...rest] = parts.map((x, k) => sumLone(x, others(k))) as [Labelled, ...Labelled[]];
  const result = rest.reduce((acc, x, k) => contractInOrder(acc, x, wantedAfter(k + 1), output), first);
  return arranged(sumLone(result, new Set(output)), output);
}

/** Swaps the operands where that spares a transposition. */
function contractInOrder(
  x: Labelled,
  y: Labelled,
  wanted: ReadonlySet<string>,
  output: readonly string[],
): Labelled {
  const before = (a: Labelled, b: Labelled): boolean => {
    const firstFree = (s: Labelled, t: Labelled): number =>
      Math.min(
        ...s.labels
          .filter((l) => !t.labels.includes(l))
          .map((l) => output.indexOf(l))
          .filter((i) => i >= 0),
      );
    return firstFree(a, b) < firstFree(b, a);
  };
  return before(y, x) ? contractPair(y, x, wanted) : contractPair(x, y, wanted);
}
