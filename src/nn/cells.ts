/** Recurrent cells: one step each, for any leading batch shape. Time, batch and layers stay outside. */
import type { NDArray } from "../core/array.ts";
import { checkCount, checkShape } from "../core/check.ts";
import { WeftTypeError } from "../core/errors.ts";
import { isArrayLeaf } from "../lax/convert.ts";
import { dynamicUpdateSlice } from "../lax/dynamic.ts";
import { concatenate, full, indexInDim, split as splitParts } from "../lax/shape.ts";
import { add, matmul, multiply, subtract, tanh } from "../numpy/computing.ts";
import { zeros } from "../numpy/creation.ts";
import { split } from "../random/index.ts";
import { checkCallable, checkOptions } from "../util/options.ts";
import { show } from "../util/text.ts";
import { sigmoid } from "./activations.ts";
import { glorotUniform, type Initializer } from "./initializers.ts";

/**
 * One step of a recurrent network. Parameters and carry are trees of arrays.
 * - `init(key)` makes parameters
 * - `initialCarry(batchShape)` makes a carry of zeros for inputs of shape `[...batchShape, inputSize]`
 * - `step(params, carry, x)` returns `[carry, y]`, y of shape `[...batchShape, hiddenSize]`
 */
export interface Cell<Params, Carry> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  init(key: NDArray): Params;
  initialCarry(batchShape?: readonly number[]): Carry;
  step(params: Params, carry: Carry, x: NDArray): [carry: Carry, y: NDArray];
}

export interface CellOptions {
  /** For the input weights; default Glorot uniform. */
  readonly kernelInit?: Initializer;
  /** For the recurrent weights; default Glorot uniform. */
  readonly recurrentInit?: Initializer;
}

/** Weights of a cell with `gates` gates side by side: `wx [input, gates·hidden]`, `wh [hidden, gates·hidden]`, `b`. */
export type GateParams = {
  wx: NDArray;
  wh: NDArray;
  b: NDArray;
};

const GATE_PARAMS = ["wx", "wh", "b"] as const;

function initGates(
  key: NDArray,
  input: number,
  hidden: number,
  gates: number,
  options: CellOptions,
): GateParams {
  const keys = split(key, 2 * gates);
  const init = (make: Initializer, rows: number, first: number): NDArray =>
    concatenate(
      Array.from({ length: gates }, (_, g) => make(indexInDim(keys, first + g, 0, false), [rows, hidden])),
      1,
    );
  return {
    wx: init(options.kernelInit ?? glorotUniform(), input, 0),
    wh: init(options.recurrentInit ?? glorotUniform(), hidden, gates),
    b: zeros([gates * hidden]),
  };
}

/** What all gates see of input and state: `x·wx + h·wh + b`. */
const preactivations = (p: GateParams, h: NDArray, x: NDArray): NDArray =>
  add(add(matmul(x, p.wx), matmul(h, p.wh)), p.b);

/** @throws WeftTypeError where the parameters lack an array that the cell's init makes */
function checkParams(what: string, params: object, names: readonly string[]): void {
  const has = (name: string): boolean => {
    const w: unknown = (params as Record<string, unknown> | null)?.[name];
    return isArrayLeaf(w) || Array.isArray(w);
  };
  const missing = names.filter((name) => !has(name));
  if (missing.length === 0) return;
  throw new WeftTypeError(
    `nn.${what}: params must be what init(key) returns, with the arrays ${names.join(", ")}; there is no ${missing.join(", ")} in ${show(params)}.`,
  );
}

const gatesOf = (z: NDArray, n: number): NDArray[] =>
  splitParts(z, Array<number>(n).fill(z.shape.at(-1)! / n), z.ndim - 1);

/** Widths of layers are at least 1. */
export function checkWidths(what: string, widths: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(widths)) checkCount(`nn.${what}: ${name}`, n, 1);
}

function checkCell(what: string, inputSize: number, hiddenSize: number, options: CellOptions): void {
  checkWidths(what, { inputSize, hiddenSize });
  for (const init of Object.values(checkOptions(`nn.${what}`, options, ["kernelInit", "recurrentInit"])))
    checkCallable(`nn.${what}: an initializer`, init);
}

/** A batch of states: the batch's shape and the width of the cell. */
const zeroState = (batchShape: readonly number[], hiddenSize: number): NDArray =>
  zeros([...checkShape("initialCarry: batchShape", batchShape), hiddenSize]);

/**
 * The simple recurrent cell `h' = tanh(x·wx + h·wh + b)`, y = h'.
 * Source: Elman 1990; `torch.nn.RNNCell`.
 * @throws WeftValueError for sizes below 1, WeftTypeError for sizes that are no integers
 * @example
 * const cell = nn.elmanCell(8, 16);
 * const [h, y] = cell.step(cell.init(random.key(0)), cell.initialCarry([4]), np.ones([4, 8]));
 * y.shape // => [4, 16]
 */
export function elmanCell(
  inputSize: number,
  hiddenSize: number,
  options: CellOptions = {},
): Cell<GateParams, NDArray> {
  checkCell("elmanCell", inputSize, hiddenSize, options);
  return {
    inputSize,
    hiddenSize,
    init: (key) => initGates(key, inputSize, hiddenSize, 1, options),
    initialCarry: (batchShape = []) => zeroState(batchShape, hiddenSize),
    step(p, h, x) {
      checkParams("elmanCell", p, GATE_PARAMS);
      const next = tanh(preactivations(p, h, x));
      return [next, next];
    },
  };
}

/** State of an LSTM: hidden `h` and cell `c`, both `[...batch, hiddenSize]`. */
export type LstmCarry = {
  h: NDArray;
  c: NDArray;
};

/**
 * Long short-term memory; gates in the order input, forget, candidate, output; the forget gate's bias starts at 1.
 * Source: Hochreiter & Schmidhuber 1997; gate order of `torch.nn.LSTM` and `jax.experimental.rnn`.
 * @throws WeftValueError for sizes below 1, WeftTypeError for sizes that are no integers
 * @example
 * const cell = nn.lstmCell(2, 1);
 * cell.init(random.key(0)).b.js(); // => [0, 1, 0, 0]
 * cell.initialCarry([4]) // => { h: [[0], [0], [0], [0]], c: [[0], [0], [0], [0]] }
 */
export function lstmCell(
  inputSize: number,
  hiddenSize: number,
  options: CellOptions = {},
): Cell<GateParams, LstmCarry> {
  checkCell("lstmCell", inputSize, hiddenSize, options);
  const forgetOne = (b: NDArray): NDArray =>
    dynamicUpdateSlice(b, full([hiddenSize], 1, b.dtype), [hiddenSize]);
  return {
    inputSize,
    hiddenSize,
    init(key) {
      const params = initGates(key, inputSize, hiddenSize, 4, options);
      return { ...params, b: forgetOne(params.b) };
    },
    initialCarry: (batchShape = []) => ({
      h: zeroState(batchShape, hiddenSize),
      c: zeroState(batchShape, hiddenSize),
    }),
    step(p, { h, c }, x) {
      checkParams("lstmCell", p, GATE_PARAMS);
      const [i, f, g, o] = gatesOf(preactivations(p, h, x), 4) as [NDArray, NDArray, NDArray, NDArray];
      const cell = add(multiply(sigmoid(f), c), multiply(sigmoid(i), tanh(g)));
      const next = multiply(sigmoid(o), tanh(cell));
      return [{ h: next, c: cell }, next];
    },
  };
}

/** A GRU has a second bias: the candidate's recurrent part is scaled by the reset gate after its bias. */
export type GruParams = GateParams & { bh: NDArray };

/**
 * Gated recurrent unit; gates in the order reset, update, candidate.
 * Source: Cho et al. 2014, in the form of `torch.nn.GRU` (reset gate applied after the recurrent product).
 * @throws WeftValueError for sizes below 1, WeftTypeError for sizes that are no integers
 * @example
 * const cell = nn.gruCell(8, 16);
 * cell.init(random.key(0)).wx.shape; // => [8, 48]
 * cell.initialCarry([4]).shape // => [4, 16]
 */
export function gruCell(
  inputSize: number,
  hiddenSize: number,
  options: CellOptions = {},
): Cell<GruParams, NDArray> {
  checkCell("gruCell", inputSize, hiddenSize, options);
  return {
    inputSize,
    hiddenSize,
    init: (key) => ({ ...initGates(key, inputSize, hiddenSize, 3, options), bh: zeros([3 * hiddenSize]) }),
    initialCarry: (batchShape = []) => zeroState(batchShape, hiddenSize),
    step(p, h, x) {
      checkParams("gruCell", p, [...GATE_PARAMS, "bh"]);
      const [xr, xz, xn] = gatesOf(add(matmul(x, p.wx), p.b), 3) as [NDArray, NDArray, NDArray];
      const [hr, hz, hn] = gatesOf(add(matmul(h, p.wh), p.bh), 3) as [NDArray, NDArray, NDArray];
      const reset = sigmoid(add(xr, hr));
      const update = sigmoid(add(xz, hz));
      const candidate = tanh(add(xn, multiply(reset, hn)));
      const next = add(candidate, multiply(update, subtract(h, candidate)));
      return [next, next];
    },
  };
}
