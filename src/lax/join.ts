/** `concatenate` and `split`: each is the other's transpose. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { aval, type ShapedArray } from "../core/aval.ts";
import { checkInteger, checkIntegers, checkList } from "../core/check.ts";
import { promote } from "../core/dtype.ts";
import { WeftValueError } from "../core/errors.ts";
import { bind1, type Primitive } from "../core/primitive.ts";
import { equalShape } from "../util/shape.ts";
import { convertTo } from "./cast.ts";
import { allWeak, checkAxes, checkSameDTypes, require, tuple } from "./check.ts";
import { asArray, installStack } from "./convert.ts";
import { defineLinear, instantiate, isLinear, moveBatchAxis } from "./rules.ts";
import { slice } from "./slice.ts";
import { expandDims } from "./views.ts";

type ConcatenateParams = { readonly dimension: number };

function concatenatedType(avals: readonly ShapedArray[], dimension: number): ShapedArray {
  const first = avals[0]!;
  checkSameDTypes("concatenate", avals);
  checkAxes("concatenate", [dimension], first.ndim);
  const others = (t: ShapedArray): string => t.shape.map((d, axis) => (axis === dimension ? "*" : d)).join();
  require(avals.every((t) => t.ndim === first.ndim && others(t) === others(first)), () =>
    `lax.concatenate: Cannot concatenate arrays with shapes that differ in dimensions other than the one being concatenated: concatenating along dimension ${dimension} for shapes ${avals.map((t) => tuple(t.shape)).join(", ")}.`);
  const total = avals.reduce((sum, t) => sum + t.shape[dimension]!, 0);
  return aval(first.shape.with(dimension, total), first.dtype, allWeak(avals));
}

/** Where each part starts, given their sizes. */
function offsets(sizes: readonly number[]): number[] {
  let next = 0;
  return sizes.map((size) => (next += size) - size);
}

export const concatenateP: Primitive<ConcatenateParams> = defineLinear<ConcatenateParams>(
  {
    name: "concatenate",
    kind: "write",
    abstractEval: (avals, { dimension }) => [concatenatedType(avals, dimension)],
    transpose: ([ct], inputs, { dimension }) => {
      const sizes = inputs.map((x) => x.aval.shape[dimension]!);
      const starts = offsets(sizes);
      return inputs.map((x, k) => {
        if (!isLinear(x)) return null;
        const from = x.aval.shape.map((_, axis) => (axis === dimension ? starts[k]! : 0));
        return slice(
          ct as NDArray,
          from,
          from.map((s, axis) => s + x.aval.shape[axis]!),
        );
      });
    },
    batch: (args, dims, { dimension }, n) => {
      const at = dims.find((d) => d !== null)!;
      const aligned = args.map((x, i) => moveBatchAxis(x, dims[i]!, at, n));
      return [[concatenate(aligned, dimension >= at ? dimension + 1 : dimension)], [at]];
    },
    lower: (emit, args, { dimension }, [out]) => {
      const starts = offsets(args.map((x) => x.aval.shape[dimension]!));
      const result = emit.build(out!, (target) => {
        for (const [k, x] of args.entries())
          emit.loop(x.aval.shape, (i) =>
            target.store(i.with(dimension, emit.ix.add(i[dimension]!, starts[k]!)), x.at(i)),
          );
      });
      return [result];
    },
  },
  Number.POSITIVE_INFINITY,
);

/**
 * Joins arrays of one dtype along an axis; all other axes agree.
 * @throws WeftTypeError if they do not, WeftValueError if there is nothing to join or the axis does not exist.
 * @example concatenate([np.array([1]), np.array([2, 3])], 0).js() // => [1, 2, 3]
 */
export function concatenate(arrays: readonly ArrayLike[], dimension: number): NDArray {
  if (checkList("concatenate: arrays", arrays).length === 0)
    throw new WeftValueError("concatenate requires a non-empty sequence of arrays.");
  const xs = arrays.map((x) => asArray("lax.concatenate: x", x));
  checkInteger("concatenate: dimension", dimension);
  return xs.length === 1 && xs[0]!.ndim > dimension && dimension >= 0
    ? xs[0]!
    : bind1(concatenateP, xs, { dimension });
}

type SplitParams = { readonly sizes: readonly number[]; readonly axis: number };

export const splitP: Primitive<SplitParams> = defineLinear<SplitParams>({
  name: "split",
  kind: "view",
  abstractEval: ([x], { sizes, axis }) => {
    checkAxes("split", [axis], x!.ndim);
    require(sizes.reduce((a, b) => a + b, 0) === x!.shape[axis] && sizes.every((s) => s >= 0), () =>
      `lax.split: Sum of sizes ${tuple(sizes)} must be equal to dimension ${axis} of the operand shape ${tuple(x!.shape)}.`);
    return sizes.map((size) => aval(x!.shape.with(axis, size), x!.dtype, x!.weakType));
  },
  transpose: (cts, _, { axis }) => [concatenate(cts.map(instantiate), axis)],
  batch: ([x], [dim], { sizes, axis }) => {
    const outs = splitP.bind([x!], { sizes, axis: axis >= dim! ? axis + 1 : axis });
    return [outs, outs.map(() => dim!)];
  },
  lower: (emit, [x], { sizes, axis }, outs) => {
    const starts = offsets(sizes);
    return outs.map((out, k) =>
      emit.lazy(out, (i) => x!.at(i.with(axis, emit.ix.add(i[axis]!, starts[k]!)))),
    );
  },
});

/**
 * Cuts x along an axis into consecutive parts of these sizes, which add up to its length.
 * @throws WeftTypeError if they do not, WeftValueError if the axis is negative or does not exist.
 * @example split(np.array([[1, 2, 3], [4, 5, 6]]), [1, 2], 1) // => [[[1], [4]], [[2, 3], [5, 6]]]
 */
export const split = (operand: ArrayLike, sizes: readonly number[], axis = 0): NDArray[] =>
  splitP.bind([asArray("lax.split: operand", operand)], {
    sizes: checkIntegers("split: sizes", sizes),
    axis: checkInteger("split: axis", axis),
  });

/** Arrays of one shape as the slices of a new leading axis, under the usual promotion. */
function stack(what: string, parts: NDArray[]): NDArray {
  const odd = parts.findIndex((x) => !equalShape(x.shape, parts[0]!.shape));
  if (odd > 0)
    throw new WeftValueError(
      `${what}: nested arrays must have equal shapes: element 0 has shape [${parts[0]!.shape}] but element ${odd} has shape [${parts[odd]!.shape}].`,
    );
  const { dtype } = promote(parts);
  return concatenate(
    parts.map((x) => expandDims(convertTo(x, { dtype, weakType: false }), [0])),
    0,
  );
}
installStack(stack);
