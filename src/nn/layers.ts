/** Layers without state: pairs of `init(key)` and `apply(params, x)`. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { WeftTypeError } from "../core/errors.ts";
import { asArray } from "../lax/convert.ts";
import { gather } from "../lax/gather.ts";
import { expandDims, full } from "../lax/shape.ts";
import { add, matmul } from "../numpy/computing.ts";
import { asPositions } from "../numpy/promote.ts";
import { checkCallable, checkOptions } from "../util/options.ts";
import { checkWidths } from "./cells.ts";
import { glorotUniform, type Initializer, normal } from "./initializers.ts";

/** A function with parameters. `init` makes them, `apply` uses them. */
export interface Layer<Params> {
  init(key: NDArray): Params;
  apply(params: Params, x: ArrayLike): NDArray;
}

/** `w [input, output]` and `b [output]`. */
export type DenseParams = {
  w: NDArray;
  b: NDArray;
};

/**
 * The affine map `x·w + b` of the last axis: `[..., inputSize]` to `[..., outputSize]`.
 * @param options.kernelInit for the weights, default Glorot uniform; the bias starts at 0
 * @throws WeftValueError for sizes below 1; WeftTypeError unless they are integers; `apply` throws it when x is
 *   not as wide
 * @example
 * const layer = nn.dense(8, 2);
 * layer.apply(layer.init(random.key(0)), np.ones([4, 8])).shape; // => [4, 2]
 * nn.dense(2, 1).apply({ w: np.array([[1], [2]]), b: np.array([10]) }, [[1, 1], [0, 3]]).js() // => [[13], [16]]
 */
export function dense(
  inputSize: number,
  outputSize: number,
  options: { readonly kernelInit?: Initializer } = {},
): Layer<DenseParams> {
  const { kernelInit = glorotUniform() } = checkOptions("nn.dense", options, ["kernelInit"]);
  checkWidths("dense", { inputSize, outputSize });
  checkCallable("nn.dense: kernelInit", kernelInit);
  return {
    init: (key) => ({ w: kernelInit(key, [inputSize, outputSize]), b: full([outputSize], 0, "float32") }),
    apply(params, input) {
      const x = asArray("nn.dense: input", input);
      if (x.shape.at(-1) !== inputSize)
        throw new WeftTypeError(`nn.dense: the input must have shape [..., ${inputSize}], got ${x.aval}.`);
      return add(matmul(x, params.w), params.b);
    },
  };
}

/** `table [vocabularySize, size]`: one row per symbol. */
export type EmbeddingParams = {
  table: NDArray;
};

/**
 * A table of vectors, looked up by integer: ids `[...]` to `[..., size]`. Ids beyond the table take its nearest row.
 * @param options.tableInit for the table, default normal with standard deviation 1 (as `torch.nn.Embedding`)
 * @throws WeftValueError for sizes below 1; WeftTypeError for sizes that are no integers, and `apply` for such ids
 * @example
 * const layer = nn.embedding(96, 8);
 * layer.apply(layer.init(random.key(0)), new Int32Array([3, 5])).shape; // => [2, 8]
 * layer.apply({ table: np.array([[1], [2], [3]]) }, [0, 99]).js() // => [[1], [3]]
 */
export function embedding(
  vocabularySize: number,
  size: number,
  options: { readonly tableInit?: Initializer } = {},
): Layer<EmbeddingParams> {
  const { tableInit = normal(1) } = checkOptions("nn.embedding", options, ["tableInit"]);
  checkWidths("embedding", { vocabularySize, size });
  checkCallable("nn.embedding: tableInit", tableInit);
  return {
    init: (key) => ({ table: tableInit(key, [vocabularySize, size]) }),
    apply: ({ table }, ids) => rows(table, asPositions("nn.embedding: ids", ids)),
  };
}

/** Rows of a matrix at the places that `ids` names. */
function rows(table: NDArray, ids: NDArray): NDArray {
  const dimensions = { offsetDims: [ids.ndim], collapsedSliceDims: [0], startIndexMap: [0] };
  return gather(table, expandDims(ids, [ids.ndim]), dimensions, [1, table.shape[1]!], { mode: "clip" });
}
