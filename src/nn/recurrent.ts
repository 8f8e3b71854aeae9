/** Cells over layers and over time. */
import { DeviceArray, NDArray } from "../core/array.ts";
import type { Shape, ShapedArray } from "../core/aval.ts";
import { checkCount } from "../core/check.ts";
import { isInteger } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { stage } from "../core/stage.ts";
import { range } from "../lax/axes.ts";
import { scan } from "../lax/control/loops.ts";
import { arrayLeaves } from "../lax/leaves.ts";
import { expandDims, indexInDim, iota, zerosLike } from "../lax/shape.ts";
import { stackTrees } from "../lax/trees.ts";
import { less } from "../numpy/computing.ts";
import { where } from "../numpy/select.ts";
import { split } from "../random/index.ts";
import * as tree from "../tree/index.ts";
import { checkOptions } from "../util/options.ts";
import { broadcastShapes, equalShape } from "../util/shape.ts";
import { show } from "../util/text.ts";
import type { Cell } from "./cells.ts";

/** A cell's trees consist of arrays, so stacked they have the same type. */
const stackLayers = <T>(trees: readonly T[]): T => stackTrees(trees) as T;

/**
 * `numLayers` copies of a cell on top of each other, as one cell: parameters and carry have a leading layer axis, and one
 * step is a scan over the layers in which each layer's output is the next one's input.
 *
 * @param cell its inputSize must equal its hiddenSize, because all layers share one shape
 * @throws WeftValueError when sizes differ or numLayers is below 1; WeftTypeError when it is no integer
 * @example const rnn = nn.stack(nn.lstmCell(128, 128), 2); rnn.initialCarry([32]).h.shape // => [2, 32, 128]
 */
export function stack<P, C>(cell: Cell<P, C>, numLayers: number): Cell<P, C> {
  checkCell("nn.stack", cell);
  checkCount("nn.stack: numLayers", numLayers, 1);
  if (cell.inputSize !== cell.hiddenSize)
    throw new WeftValueError(
      `nn.stack needs a cell whose inputs are as wide as its outputs, since every layer has the same shape; ` +
        `got inputSize ${cell.inputSize} and hiddenSize ${cell.hiddenSize}. Project the input first (nn.dense or nn.embedding).`,
    );
  return {
    inputSize: cell.inputSize,
    hiddenSize: cell.hiddenSize,
    init(key) {
      const keys = split(key, numLayers);
      return stackLayers(
        Array.from({ length: numLayers }, (_, l) => cell.init(indexInDim(keys, l, 0, false))),
      );
    },
    initialCarry: (batchShape = []) =>
      stackLayers(Array.from({ length: numLayers }, () => cell.initialCarry(batchShape))),
    step(params, carry, x) {
      const layer = (input: NDArray, [p, c]: [P, C]): [NDArray, C] => {
        const [next, output] = cell.step(p, c, input);
        return [output, next];
      };
      const [y, next] = scan(layer as never, x, [params, carry] as const) as unknown as [NDArray, C];
      return [next, y];
    },
  };
}

export interface RunOptions {
  /** Valid steps per sequence, int32 `[...batch]`: beyond it the carry stays and outputs are zero. */
  readonly lengths?: NDArray;
  /** From the last step to the first; outputs keep the order of xs. */
  readonly reverse?: boolean;
}

/**
 * Runs a cell over time: a scan over the leading axis of xs.
 *
 * @param carry the initial state, e.g. `cell.initialCarry([batch])`
 * @param xs `[time, ...batch, inputSize]`
 * @returns `[carry, ys]`, ys of shape `[time, ...batch, hiddenSize]`
 * @throws WeftTypeError when xs is not as wide as the cell's input, or the carry does not fit (the error names the leaf)
 * @example
 * const cell = nn.gruCell(3, 8), xs = np.ones([5, 2, 3]); // five steps of two sequences
 * const [carry, ys] = nn.run(cell, cell.init(random.key(0)), cell.initialCarry([2]), xs);
 * [carry.shape, ys.shape] // => [[2, 8], [5, 2, 8]]
 */
export function run<P, C>(
  cell: Cell<P, C>,
  params: P,
  carry: C,
  xs: NDArray,
  options: RunOptions = {},
): [C, NDArray] {
  checkCell("nn.run", cell);
  checkInputs(cell, xs);
  const { lengths, reverse = false } = checkOptions("nn.run", options, ["lengths", "reverse"]);
  if (lengths !== undefined) checkLengths(lengths, xs);
  if (params === null || params === undefined)
    throw new WeftTypeError(`nn.run: params must be what cell.init(key) returns, got ${show(params)}.`);
  checkState(cell, carry, xs);
  const plain = (c: C, x: NDArray): [C, NDArray] => cell.step(params, c, x);
  // Past the end of a sequence the carry stays and the output is zero.
  const masked = (c: C, [x, t]: [NDArray, NDArray]): [C, NDArray] => {
    const [next, y] = cell.step(params, c, x);
    const valid = less(t, lengths!);
    return [mask(valid, next, c), mask(valid, y, zerosLike(y))];
  };
  const [last, ys] = lengths
    ? scan(masked as never, carry as never, withoutPadding(xs, lengths), { reverse })
    : scan(plain as never, carry as never, xs, { reverse });
  return [last, ys] as unknown as [C, NDArray];
}

/** xs and its steps. What padding holds must not reach derivatives: 0 times the derivative of a step at NaN or infinity is NaN. */
function withoutPadding(xs: NDArray, lengths: NDArray): [xs: NDArray, steps: NDArray] {
  const steps = iota("int32", xs.shape[0]!);
  const valid = less(expandDims(steps, range(lengths.ndim, 1)), lengths);
  return [where(expandDims(valid, [valid.ndim]), xs, zerosLike(xs)), steps];
}

function checkCell<P, C>(caller: string, cell: Cell<P, C>): void {
  if (typeof cell !== "object" || cell === null || typeof cell.step !== "function")
    throw new WeftTypeError(`${caller}: cell must be a cell such as nn.lstmCell(8, 16), got ${show(cell)}.`);
}

function checkInputs<P, C>(cell: Cell<P, C>, xs: NDArray): void {
  if (xs instanceof NDArray && xs.ndim >= 2 && xs.shape.at(-1) === cell.inputSize) return;
  throw new WeftTypeError(
    `nn.run: xs must have shape [time, ...batch, ${cell.inputSize}] for this cell, got ${show(xs)}.`,
  );
}

/** One integer per sequence; values are checked where they are known. */
function checkLengths(lengths: NDArray, xs: NDArray): void {
  const [time, ...batch] = xs.shape.slice(0, -1);
  const expected = `int32[${batch}], one length per sequence of xs of type ${xs.aval}`;
  if (!(lengths instanceof NDArray) || !isInteger(lengths.dtype) || !equalShape(lengths.shape, batch))
    throw new WeftTypeError(`nn.run: lengths must be ${expected}, got ${show(lengths)}.`);
  if (!(lengths instanceof DeviceArray)) return;
  const wrong = lengths.dataSync().find((n) => n < 0 || n > time!);
  if (wrong !== undefined)
    throw new WeftValueError(`nn.run: lengths must lie between 0 and the ${time} steps of xs, got ${wrong}.`);
}

/** The carry must have the tree and the shapes of what the cell makes for this batch; the error names the leaf and both types. */
function checkState<C>(cell: Cell<unknown, C>, carry: C, xs: NDArray): void {
  const [leaves, def] = arrayLeaves(carry, { where: "nn.run: carry" });
  const [like, expected] = typesOf(() => cell.initialCarry(xs.shape.slice(1, -1)));
  const differences = tree.equalityErrors(expected, def).map(tree.describeMismatch).join("; ");
  if (differences) throw new WeftTypeError(`nn.run: carry does not fit the cell: ${differences}.`);
  // More batch axes than xs are good: xs are the same for all of them.
  const fits = (x: Shape, expected: Shape): boolean => equalShape(broadcastShapes(x, expected) ?? [], x);
  const odd = leaves.findIndex((x, i) => !fits(x.shape, like[i]!.shape));
  if (odd < 0) return;
  const place = `carry${tree.keystr(def.paths()[odd]!)}`;
  throw new WeftTypeError(
    `nn.run: ${place} must have the type ${like[odd]!} for this cell and xs of type ${xs.aval}, got ${leaves[odd]!.aval}.`,
  );
}

/** The types of the leaves of what `make` returns, and its tree. Nothing is computed. */
function typesOf(make: () => unknown): [types: readonly ShapedArray[], def: tree.TreeDef] {
  let def: tree.TreeDef | undefined;
  const { jaxpr } = stage(() => {
    const [leaves, made] = arrayLeaves(make(), { where: "nn.run: cell.initialCarry()" });
    def = made;
    return leaves;
  }, []);
  return [jaxpr.outAvals, def!];
}

/** `valid ? a : b` leaf by leaf; `valid` has the batch shape, which leaves have before their feature axis. */
function mask<T>(valid: NDArray, a: T, b: T): T {
  const choose = (x: NDArray, y: NDArray): NDArray => where(expandDims(valid, [valid.ndim]), x, y);
  const [leaves, def] = tree.flatten(a, undefined);
  const others = tree.leaves(b, undefined);
  return tree.unflatten(
    def,
    leaves.map((x, i) => choose(x as NDArray, others[i] as NDArray)),
  ) as T;
}
