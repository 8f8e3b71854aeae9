/** The public loops: scan, map, whileLoop and foriLoop over trees. */
import { type ArrayLike, knownScalar, NDArray } from "../../core/array.ts";
import { aval, type ShapedArray, typeMatch } from "../../core/aval.ts";
import { checkCount, checkInt32 } from "../../core/check.ts";
import { isInteger, promote } from "../../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../../core/errors.ts";
import { stepwiseLoops } from "../../core/trace.ts";
import { batchFlat, moveBatchAxis } from "../../transforms/batch.ts";
import * as tree from "../../tree/index.ts";
import { checkOptions } from "../../util/options.ts";
import { show } from "../../util/text.ts";
import { convertElementType, convertTo } from "../cast.ts";
import { asCarry } from "../convert.ts";
import { add, lt } from "../elementwise.ts";
import { arrayLeaves, toArrays } from "../leaves.ts";
import { concatenate, reshape, sliceInDim } from "../shape.ts";
import { checkCallables, concreteInt, type TracedBody, traceBody, type UserFunction } from "./body.ts";
import { type CarryName, checkCarry, parameterName } from "./carry-errors.ts";
import { scanPrimitive } from "./scan.ts";
import type { AnyTree, Arrays, ArraysLike, Fits, FitsPair, Second, Sequences } from "./types.ts";
import { checkCondition, whilePrimitive } from "./while.ts";

export interface ScanOptions {
  /** Number of iterations; needed only when xs has no leaves. */
  readonly length?: number | undefined;
  /** Go from the last element to the first; ys keep the order of xs. */
  readonly reverse?: boolean | undefined;
  /** Copies of the body per trip of the loop: a number, or true for all iterations. */
  readonly unroll?: number | boolean | undefined;
}

const SCAN_OPTIONS: readonly (keyof ScanOptions)[] = ["length", "reverse", "unroll"];

/**
 * Runs `body` over the leading axis of `xs`, carrying state from one iteration to the next; compiled to one loop.
 *
 * @param body `(carry, x) => [carry, y]`: the carry must come out with the tree, shapes and dtypes it went in with.
 * @param init the first carry: any tree of arrays or numbers.
 * @param xs a tree of arrays with one common leading axis, or null with `options.length`.
 * @returns `[carry, ys]`: the last carry, and the y of every iteration stacked along a new leading axis.
 * @throws WeftTypeError when the body's output is not a pair or the carry changes its tree, a shape or a dtype;
 *   WeftValueError when lengths disagree or none is given.
 * Source: `jax.lax.scan`.
 * @example
 * lax.scan((sum, x) => [sum.add(x), sum], 0, np.array([1, 2, 3])); // => [6, [0, 1, 3]]
 * lax.scan((sum, x) => [sum.add(x), sum], 0, np.array([1, 2, 3]), { reverse: true }); // => [6, [5, 3, 0]]
 * lax.scan((x) => [x.mul(2), x], 1, null, { length: 4 }) // => [16, [1, 2, 4, 8]]
 */
export function scan<C extends AnyTree, X extends AnyTree, Y extends AnyTree>(
  body: (
    carry: NoInfer<Arrays<C>>,
    x: NoInfer<Arrays<X>>,
  ) => readonly [NoInfer<Arrays<C> | ArraysLike<C>>, Y],
  init: C,
  xs: X & Sequences<X>,
  options?: ScanOptions,
): [NoInfer<Arrays<C>>, NoInfer<Arrays<Y>>];
/**
 * Runs `body`, declared elsewhere, over the leading axis of `xs`. For TypeScript it may return a list, of which only
 * running it tells that it is a pair. Source: `jax.lax.scan`.
 * @returns `[carry, ys]`: the last carry, and the y of every iteration stacked along a new leading axis.
 * @example const step = (sum, x) => [sum.add(x), sum]; lax.scan(step, 0, np.array([1, 2, 3])) // => [6, [0, 1, 3]]
 */
export function scan<C extends AnyTree, X extends AnyTree, R extends [] | readonly AnyTree[]>(
  body: (carry: NoInfer<Arrays<C>>, x: NoInfer<Arrays<X>>) => R & FitsPair<R, C>,
  init: C,
  xs: X & Sequences<X>,
  options?: ScanOptions,
): [NoInfer<Arrays<C>>, NoInfer<Arrays<Second<R, C>>>];
export function scan(
  body: (carry: never, x: never) => unknown,
  init: unknown,
  xs: unknown,
  options: ScanOptions = {},
): [unknown, unknown] {
  checkCallables("lax.scan: body argument should be a callable.", body);
  checkOptions("lax.scan", options, SCAN_OPTIONS);
  const name: CarryName = {
    caller: "lax.scan",
    what: "scan body function",
    parameter: parameterName(body),
    depth: 0,
  };
  return runScan(body as UserFunction, name, init, xs, options) as [unknown, unknown];
}

function runScan(
  body: UserFunction,
  name: CarryName,
  init: unknown,
  xs: unknown,
  options: ScanOptions,
): unknown[][] {
  const [xsLeaves, xsTree] = tree.flatten(xs, undefined);
  const xsArrays = toArrays(xsLeaves, xsTree, { where: `${name.caller}: xs` });
  const length = scanLength(xsLeaves, xsTree, xsArrays, options.length);
  const unroll = unrollFactor(options.unroll, length);
  const { reverse = false } = options;
  const stepwise = stepwiseLoops();
  if (stepwise) return stepwise.scan(body, init, xsTree, xsArrays, length, reverse);

  const xAvals = xsArrays.map((x) => aval(x.shape.slice(1), x.dtype, x.weakType));
  const { leaves, traced } = traceLoop(body, name, init, xsTree, xAvals, pair);
  const outs = scanPrimitive.bind([...traced.consts, ...leaves, ...xsArrays], {
    jaxpr: traced.jaxpr,
    length,
    reverse,
    unroll,
    numConsts: traced.consts.length,
    numCarry: leaves.length,
  });
  return tree.unflatten(traced.outTree, outs) as unknown[][];
}

/** The body's result, checked to be [carry, y]. */
function pair(result: unknown): unknown {
  if (Array.isArray(result) && result.length === 2) return result;
  const typeOf = (x: unknown): string => (x instanceof NDArray ? String(x.aval) : show(x));
  const what = Array.isArray(result)
    ? `an array of length ${result.length}: [${result.slice(0, 6).map(typeOf).join(", ")}]`
    : typeOf(result);
  throw new WeftTypeError(`scan body output must be a pair, got ${what}. Return [carry, y] (y may be null).`);
}

interface TracedLoop {
  /** The initial carry after promotion. */
  readonly leaves: NDArray[];
  readonly carryTree: tree.TreeDef;
  readonly traced: TracedBody;
}

/**
 * Traces a loop body and checks its carry. A weakly typed initial leaf (a plain number) takes the type that the body gives
 * it, which needs another trace; each round strengthens a leaf or ends.
 */
function traceLoop(
  body: UserFunction,
  name: CarryName,
  init: unknown,
  xTree: tree.TreeDef | null,
  xAvals: readonly ShapedArray[],
  finish: (result: unknown) => unknown,
): TracedLoop {
  const [raw, carryTree] = tree.flatten(init, undefined);
  const inTrees = xTree ? [carryTree, xTree] : [carryTree];
  let leaves = toArrays(raw, carryTree, {
    where: `${name.caller}: init`,
    convert: (x) => asCarry(name.caller, x),
  });
  for (;;) {
    const carry = leaves.map((x) => x.aval);
    const traced = traceBody(
      `${name.caller}: the function's result`,
      body,
      inTrees,
      [...carry, ...xAvals],
      finish,
      carry,
    );
    const outCarry = xTree ? traced.outTree.children()[0]! : traced.outTree;
    const outAvals = traced.jaxpr.outAvals.slice(0, outCarry.numLeaves);
    const promoted = carryTree === outCarry ? leaves.map((x, i) => promoteWeak(x, outAvals[i]!)) : leaves;
    if (promoted.every((x, i) => x === leaves[i])) {
      checkCarry(name, carryTree, outCarry, carry, outAvals);
      return { leaves, carryTree, traced };
    }
    leaves = promoted;
  }
}

function promoteWeak(x: NDArray, out: ShapedArray): NDArray {
  if (!x.weakType || typeMatch(x.aval, out)) return x;
  const { dtype, weakType } = promote([x.aval, out]);
  return convertTo(x, { dtype, weakType });
}

function scanLength(
  leaves: readonly unknown[],
  xsTree: tree.TreeDef,
  xs: readonly NDArray[],
  given: unknown,
): number {
  const paths = xsTree.paths();
  const where = (i: number): string => `xs${tree.keystr(paths[i]!)}`;
  const scalars = xs.flatMap((x, i) =>
    x.ndim === 0 ? [`${where(i)} = ${typeof leaves[i] === "number" ? leaves[i] : x.aval}`] : [],
  );
  if (scalars.length > 0)
    throw new WeftValueError(
      `scan got value with no leading axis to scan over: ${scalars.join(", ")}. ` +
        "Every leaf of xs needs a leading axis; a list of numbers is a tree of scalars: wrap it in np.array.",
    );
  const sizes = [...new Set(xs.map((x) => x.shape[0]!))];
  if (sizes.length > 1)
    throw new WeftValueError(
      `scan got values with different leading axis sizes: ${xs.map((x, i) => `${where(i)} has ${x.shape[0]}`).join(", ")}. ` +
        "All leaves of xs must have the same leading axis size.",
    );
  if (given === undefined || given === null) {
    if (sizes.length === 0)
      throw new WeftValueError("scan got no values to scan over and `length` not provided.");
    return sizes[0]!;
  }
  const length = concreteInt(
    given,
    "lax.scan: The `length` argument to `scan` expects a concrete `int` value. For scan-like iteration with a dynamic length, use `whileLoop` or `foriLoop`.",
  );
  if (!Number.isInteger(length) || length < 0)
    throw new WeftValueError(`scan got \`length\` argument of ${length}; it must be a non-negative integer.`);
  if (sizes.length > 0 && sizes[0] !== length)
    throw new WeftValueError(
      `scan got \`length\` argument of ${length} which disagrees with leading axis sizes [${xs.map((x) => x.shape[0]).join(", ")}].`,
    );
  return length;
}

function unrollFactor(unroll: unknown, length: number): number {
  if (unroll === undefined || unroll === false) return 1;
  if (unroll === true) return Math.max(length, 1);
  const k = concreteInt(
    unroll,
    "lax.scan: The `unroll` argument to `scan` expects a concrete `int` or `bool` value.",
  );
  if (!Number.isInteger(k) || k < 0)
    throw new WeftValueError("lax.scan: `unroll` must be a `bool` or a non-negative `int`.");
  return k === 0 ? Math.max(length, 1) : k;
}

/**
 * Applies `f` to every element along the leading axis of `xs`, one after the other: a scan without carry.
 *
 * @param options.batchSize compute chunks of that many elements together, as vmap would (0: all at once)
 * @returns a tree with the results stacked along a new leading axis
 * @throws as {@link scan}; WeftValueError when batchSize is negative, WeftTypeError when it is no integer
 * Source: `jax.lax.map`.
 * @example lax.map((row) => row.sum(), np.array([[1, 2], [3, 4], [5, 6]])).js() // => [3, 7, 11]
 */
export function map<X extends AnyTree, Y extends AnyTree>(
  f: (x: NoInfer<Arrays<X>>) => Y,
  xs: X & Sequences<X>,
  options: { readonly batchSize?: number } = {},
): NoInfer<Arrays<Y>> {
  checkCallables("lax.map: f argument should be a callable.", f);
  const { batchSize } = checkOptions("lax.map", options, ["batchSize"]);
  if (batchSize === undefined) return mapSteps(f as UserFunction, xs) as Arrays<Y>;
  checkCount("lax.map: batchSize", batchSize);
  return mapChunks(f as UserFunction, xs, batchSize) as Arrays<Y>;
}

/** A scan without carry. */
function mapSteps(f: UserFunction, xs: unknown): unknown {
  const step: UserFunction = (_, x) => [null, f(x)];
  const name = {
    caller: "lax.map",
    what: "function that map applies",
    parameter: parameterName(f),
    depth: 0,
  };
  return runScan(step, name, null, xs, {})[1];
}

/** A scan over whole chunks, each computed at once, and the remainder at once. */
function mapChunks(f: UserFunction, xs: unknown, batchSize: number): unknown {
  const [raw, def] = tree.flatten(xs, undefined);
  const leaves = toArrays(raw, def, { where: "lax.map: xs" });
  const length = scanLength(raw, def, leaves, undefined);
  const size = batchSize === 0 ? length : Math.min(batchSize, length);
  const whole = size === 0 ? 0 : length - (length % size);
  const part = (from: number, to: number): NDArray[] => leaves.map((x) => sliceInDim(x, from, to));
  const rest =
    whole < length || length === 0
      ? [atOnce(f, tree.unflatten(def, part(whole, length)), length - whole)]
      : [];
  if (whole === 0) return rest[0];
  const chunks = part(0, whole).map((x) => reshape(x, [whole / size, size, ...x.shape.slice(1)]));
  const stacked = map((chunk) => atOnce(f, chunk, size), tree.unflatten(def, chunks));
  const [outs, outDef] = tree.flatten(stacked as unknown, undefined);
  const flat = (outs as NDArray[]).map((y) => reshape(y, [whole, ...y.shape.slice(2)]));
  const tails = rest.map((r) => tree.leaves(r, undefined) as NDArray[]);
  return tree.unflatten(
    outDef,
    flat.map((y, i) => (tails.length ? concatenate([y, tails[0]![i]!], 0) : y)),
  );
}

/** `f` on all elements of the leading axis together. */
function atOnce(f: UserFunction, xs: unknown, size: number): unknown {
  const [leaves, def] = tree.flatten(xs, undefined);
  let outDef: tree.TreeDef | undefined;
  const flat = (args: NDArray[]): NDArray[] => {
    const [outs, d] = arrayLeaves(f(tree.unflatten(def, args)), { where: "lax.map: the result of f" });
    outDef = d;
    return outs;
  };
  const zeros = leaves.map(() => 0);
  const [outs, dims] = batchFlat(flat, leaves as NDArray[], zeros, { size, name: undefined });
  return tree.unflatten(
    outDef!,
    outs.map((x, i) => moveBatchAxis(x, dims[i]!, 0, size)),
  );
}

/**
 * Repeats `body` while `cond` holds. Differentiable forwards (jvp, linearize), not backwards.
 *
 * @param cond `(value) => boolean scalar`
 * @param body `(value) => value` of the same tree, shapes and dtypes
 * @throws WeftTypeError when cond does not return one boolean scalar, or body changes the value's type
 * Source: `jax.lax.while_loop`.
 * @example lax.whileLoop(([i]) => i.less(10), ([i, steps]) => [i.mul(3), steps.add(1)], [1, 0]) // => [27, 3]
 */
export function whileLoop<C extends AnyTree>(
  cond: (value: NoInfer<Arrays<C>>) => ArrayLike,
  body: (value: NoInfer<Arrays<C>>) => NoInfer<Arrays<C> | ArraysLike<C>>,
  init: C,
): NoInfer<Arrays<C>>;
/**
 * Repeats `body`, declared elsewhere, while `cond` holds. Source: `jax.lax.while_loop`.
 * @example const twice = (x) => x.mul(2); lax.whileLoop((x) => x.less(100), twice, 1).item() // => 128
 */
export function whileLoop<C extends AnyTree, R extends AnyTree>(
  cond: (value: NoInfer<Arrays<C>>) => ArrayLike,
  body: (value: NoInfer<Arrays<C>>) => R & Fits<R, C>,
  init: C,
): NoInfer<Arrays<C>>;
export function whileLoop(
  cond: (value: never) => ArrayLike,
  body: (value: never) => unknown,
  init: unknown,
): unknown {
  checkCallables("lax.whileLoop: body and cond arguments should be callable.", body, cond);
  const name: CarryName = {
    caller: "lax.whileLoop",
    what: "while_loop body function",
    parameter: parameterName(body),
    depth: 0,
  };
  return runWhile(cond as UserFunction, body as UserFunction, init, name);
}

function runWhile(cond: UserFunction, body: UserFunction, init: unknown, name: CarryName): unknown {
  const done = stepwiseLoops()?.while(cond, body, init);
  if (done) return done.value;
  const { leaves, carryTree, traced } = traceLoop(body, name, init, null, [], (r) => r);
  const condition = traceBody(
    `${name.caller}: the condition's result`,
    cond,
    [carryTree],
    leaves.map((x) => x.aval),
  );
  checkCondition(condition.outTree, condition.jaxpr.outAvals);
  const outs = whilePrimitive.bind([...condition.consts, ...traced.consts, ...leaves], {
    condJaxpr: condition.jaxpr,
    condNconsts: condition.consts.length,
    bodyJaxpr: traced.jaxpr,
    bodyNconsts: traced.consts.length,
  });
  return tree.unflatten(traced.outTree, outs);
}

export interface ForiOptions {
  /** As for {@link scan}; only when both bounds are known while tracing. */
  readonly unroll?: number | boolean | undefined;
}

/**
 * `for (let i = lower; i < upper; i++) value = body(i, value)`. With bounds known while tracing it is a scan
 * (differentiable both ways), else a while loop (forwards only).
 *
 * @param body `(i, value) => value` of the same tree, shapes and dtypes; i is an int32 scalar
 * @throws WeftTypeError when the bounds have different dtypes or body changes the value's type
 * Source: `jax.lax.fori_loop`.
 * @example lax.foriLoop(0, 4, (i, s) => s.add(i), 0).item() // => 6
 */
export function foriLoop<C extends AnyTree>(
  lower: ArrayLike,
  upper: ArrayLike,
  body: (i: NDArray, value: NoInfer<Arrays<C>>) => NoInfer<Arrays<C> | ArraysLike<C>>,
  init: C,
  options?: ForiOptions,
): NoInfer<Arrays<C>>;
/**
 * `value = body(i, value)` for i from lower to upper - 1; body was declared elsewhere. Source: `jax.lax.fori_loop`.
 * @example const halve = (i, x) => x.div(2); grad((x) => lax.foriLoop(0, 3, halve, x))(1).item() // => 0.125
 */
export function foriLoop<C extends AnyTree, R extends AnyTree>(
  lower: ArrayLike,
  upper: ArrayLike,
  body: (i: NDArray, value: NoInfer<Arrays<C>>) => R & Fits<R, C>,
  init: C,
  options?: ForiOptions,
): NoInfer<Arrays<C>>;
export function foriLoop(
  lower: ArrayLike,
  upper: ArrayLike,
  body: (i: NDArray, value: never) => unknown,
  init: unknown,
  options: ForiOptions = {},
): unknown {
  checkCallables("lax.foriLoop: body argument should be a callable.", body);
  checkOptions("lax.foriLoop", options, ["unroll"]);
  const [lo, hi] = loopBounds(lower, upper);
  const name: CarryName = {
    caller: "lax.foriLoop",
    what: "fori_loop body function",
    parameter: parameterName(body, 1),
    depth: 1,
  };
  const [start, stop] = [knownScalar(lo), knownScalar(hi)];
  if (start === undefined || stop === undefined) {
    if (options.unroll !== undefined)
      throw new WeftValueError(
        "Can only use `unroll` in `foriLoop` if the loop bounds are statically known.",
      );
    return foriWhile(lo, hi, body as UserFunction, init, name);
  }
  const length = Math.max(Math.ceil(Number(stop) - Number(start)), 0);
  return foriScan(
    asCarry("lax.foriLoop: Math", Math.trunc(Number(start))),
    length,
    body as UserFunction,
    init,
    name,
    options,
  );
}

function foriScan(
  start: NDArray,
  length: number,
  body: UserFunction,
  init: unknown,
  name: CarryName,
  options: ForiOptions,
): unknown {
  // A scan of no iteration refuses, because it cannot know its ys: here there are none.
  const stepwise = stepwiseLoops();
  if (length === 0 && stepwise) return stepwise.while(() => false, body, init)!.value;
  const step: UserFunction = ([i, value]) => [[add(i, 1), body(i, value)], null];
  return runScan(step, name, [start, init], null, { ...options, length })[0]![1];
}

function foriWhile(lo: NDArray, hi: NDArray, body: UserFunction, init: unknown, name: CarryName): unknown {
  const cond: UserFunction = ([i, upper]) => lt(i, upper);
  const step: UserFunction = ([i, upper, value]) => [add(i, 1), upper, body(i, value)];
  return (runWhile(cond, step, [lo, hi, init], name) as unknown[])[2];
}

function loopBound(name: string, bound: ArrayLike): NDArray {
  if (typeof bound === "number") checkInt32(`lax.foriLoop: ${name}`, bound);
  const x = asCarry(`lax.foriLoop: ${name}`, bound);
  if (x.ndim === 0 && (isInteger(x.dtype) || knownScalar(x) !== undefined)) return x;
  throw new WeftTypeError(`lax.foriLoop: ${name} must be an integer scalar, got ${show(bound)}.`);
}

/** The bounds as scalars of one integer dtype; a plain number takes the other bound's dtype. */
function loopBounds(lower: ArrayLike, upper: ArrayLike): [NDArray, NDArray] {
  const [lo, hi] = [loopBound("lower", lower), loopBound("upper", upper)];
  if (lo.dtype === hi.dtype) return [lo, hi];
  if (typeof lower === "number") return [convertElementType(lo, hi.dtype), hi];
  if (typeof upper === "number") return [lo, convertElementType(hi, lo.dtype)];
  throw new WeftTypeError(
    `lower and upper arguments to foriLoop must have equal types, got ${lo.dtype} and ${hi.dtype}.`,
  );
}
