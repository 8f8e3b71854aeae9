/** Forward and reverse differentiation of functions over trees. */

import { type ArrayLeaf, type NDArray, scalar } from "../core/array.ts";
import { checkIntegers, checkList } from "../core/check.ts";
import { isFloat } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import { madeLike } from "../core/placement.ts";
import { Linear, type MaybeZero, Zero } from "../core/primitive.ts";
import { evalJaxpr } from "../core/stage.ts";
import { convertElementType } from "../lax/cast.ts";
import { checkTangents, jvpFlat } from "../transforms/jvp.ts";
import { type Linearized, linearizeFlat } from "../transforms/partial-eval.ts";
import { backward } from "../transforms/transpose.ts";
import { instantiate, isZero } from "../transforms/zero.ts";
import type { MapTree } from "../tree/index.ts";
import * as tree from "../tree/index.ts";
import { checkOptions } from "../util/options.ts";
import { filled } from "../util/zip.ts";
import {
  type AnyFunction,
  type ArrayFunction,
  type ArrayInputs,
  type Arrays,
  arrayLeaves,
  checkArgnums,
  checkCallable,
  type FlatFunction,
  flatten,
  type Inputs,
  type Output,
} from "./functions.ts";

export interface GradOptions<I extends number | readonly number[] | undefined, HA extends boolean> {
  /** Which argument(s) to differentiate with respect to; default the first. */
  readonly argnums?: I;
  /** The function returns [value, aux] and aux is passed through. */
  readonly hasAux?: HA;
}

/** The gradient's type: the argument's own tree, or an array of trees when several arguments are chosen. */
export type Gradient<F extends AnyFunction, I> = I extends readonly number[]
  ? { -readonly [K in keyof I]: Arrays<Argument<F, I[K] & number>> }
  : Arrays<Argument<F, I extends number ? I : 0>>;
/** The type of an argument, which negative numbers count from the end. */
type Argument<F extends AnyFunction, I extends number> = `${I}` extends `-${infer N extends number}`
  ? FromEnd<Required<Parameters<F>>, N>
  : Parameters<F>[I];
type FromEnd<Args extends readonly unknown[], N extends number> = Args extends [...infer Rest, infer Last]
  ? N extends 1
    ? Last
    : FromEnd<Rest, Before<N>>
  : never;
type Before<N extends number> = [0, 0, 1, 2, 3, 4, 5, 6, 7][N] & number;

/**
 * The parts of a pair [value, aux]. A function that was declared elsewhere returns a list, for TypeScript: then the value is an array,
 * and aux what else the list holds.
 */
type Pair<R> = R extends readonly [infer V, infer A]
  ? [value: V, aux: A]
  : R extends readonly (infer E)[]
    ? [value: NDArray, aux: [Exclude<E, NDArray>] extends [never] ? E : Exclude<E, NDArray>]
    : never;
type Aux<F extends AnyFunction> = Pair<ReturnType<F>>[1];
type Value<F extends AnyFunction, HA> = HA extends true
  ? [Arrays<Pair<ReturnType<F>>[0]>, Aux<F>]
  : Output<F>;

/** Arguments as leaves, remembering which leaf belongs to which argument. */
function flattenArgs(
  args: readonly unknown[],
  what: string,
): { leaves: NDArray[]; defs: tree.TreeDef[]; owner: number[] } {
  const parts = args.map((a, i) => arrayLeaves(a, `${what}: argument ${i}`));
  return {
    leaves: parts.flatMap(([l]) => l),
    defs: parts.map(([, d]) => d),
    owner: parts.flatMap(([l], i) => l.map(() => i)),
  };
}

/** Consecutive leaves as the trees they came from. */
function unflattenArgs(defs: readonly tree.TreeDef[], leaves: readonly NDArray[]): unknown[] {
  let start = 0;
  return defs.map((d) => tree.unflatten(d, leaves.slice(start, (start += d.numLeaves))));
}

/** Linearizes what a function returns beside aux. */
const linearizeResult = (
  flat: FlatFunction,
  leaves: readonly NDArray[],
  wanted?: readonly boolean[],
): Linearized => linearizeFlat(flat, leaves, wanted, () => flat.outTree().numLeaves);

/** Runs a linearized function backwards: one cotangent per input leaf. */
function pullback(lin: Linearized, primals: readonly NDArray[], cts: readonly MaybeZero[]): MaybeZero[] {
  const inputs = [
    ...lin.residuals,
    ...primals.flatMap((p, i) => (lin.nonzeroIn[i] ? [new Linear(p.aval)] : [])),
  ];
  const wanted = cts.filter((_, i) => lin.nonzeroOut[i]);
  const results = wanted.every(isZero) ? [] : backward(lin.staged, inputs, wanted);
  return primals.map((p, i) => {
    const ct = lin.nonzeroIn[i] ? results.shift() : undefined;
    return ct ?? new Zero(p.aval);
  });
}

/**
 * A function that returns the value of `f` and its gradient.
 *
 * @param f returns a float scalar (or, with `hasAux`, a pair of that and anything). JavaScript's own branches and loops may depend on
 *   values (`.item()`), unless `jit`, `vmap` or a loop of `lax` is around.
 * @returns `(...args) => [value, gradient]`; with `hasAux` `[[value, aux], gradient]`. The gradient has the argument's tree.
 * @throws WeftTypeError when the output is not a float scalar or an argument to differentiate is not float
 * Source: `jax.value_and_grad`.
 * @example
 * valueAndGrad((x) => x.mul(x))(3); // => [9, 6]
 * valueAndGrad((x) => [x.mul(x), { x }], { hasAux: true })(3) // => [[9, { x: 3 }], 6]
 */
export function valueAndGrad<
  F extends AnyFunction = ArrayFunction,
  const I extends number | readonly number[] | undefined = undefined,
  HA extends boolean = false,
>(f: F, options: GradOptions<I, HA> = {}): (...args: Inputs<F>) => [Value<F, HA>, Gradient<F, I>] {
  return differentiated("valueAndGrad", f, options) as never;
}

/** {@link valueAndGrad} for the function `caller`, of which errors speak. */
export function differentiated(
  caller: string,
  f: AnyFunction,
  options: GradOptions<number | readonly number[] | undefined, boolean>,
): (...args: unknown[]) => [unknown, unknown] {
  checkCallable(f, caller);
  const { argnums = 0, hasAux = false } = checkOptions(caller, options, ["argnums", "hasAux"]);
  const chosen = checkIntegers(`${caller}: argnums`, argnums);
  return (...args) => {
    const picked = checkArgnums(caller, "argnums", chosen, args.length);
    const { leaves, defs, owner } = flattenArgs(args, caller);
    const wanted = owner.map((i) => picked.includes(i));
    leaves.forEach((x, i) => wanted[i] && checkDifferentiable(caller, x, owner[i]!));
    const flat = flatten(f, defs, hasAux, caller);
    const lin = linearizeResult(flat, leaves, wanted);
    const [outs, aux] = flat.finish(lin.outs);
    checkScalar(caller, outs, flat.outTree());
    const value = outs[0]!;
    const cts = pullback(lin, leaves, [madeLike(value, () => scalar(1, value.dtype))]);
    const gradients = picked.map((i) =>
      tree.unflatten(defs[i]!, cts.filter((_, k) => owner[k] === i).map(instantiate)),
    );
    const out = hasAux ? [value, aux] : value;
    return [out, Array.isArray(argnums) ? gradients : gradients[0]];
  };
}

/**
 * The gradient of a scalar-valued function with respect to its first argument (or `argnums`).
 *
 * @returns `(...args) => gradient`, of the argument's tree and TypeScript type; with `hasAux` `[gradient, aux]`.
 * @throws as {@link valueAndGrad}
 * Source: `jax.grad`.
 * @example
 * grad((p) => p.w.mul(p.w).sum())({ w: np.array([1, 2]) }); // => { w: [2, 4] }
 * grad((x, y) => x.mul(y), { argnums: [0, 1] })(2, 3) // => [3, 2]
 */
export function grad<
  F extends AnyFunction = ArrayFunction,
  const I extends number | readonly number[] | undefined = undefined,
  HA extends boolean = false,
>(
  f: F,
  options: GradOptions<I, HA> = {},
): (...args: Inputs<F>) => HA extends true ? [Gradient<F, I>, Aux<F>] : Gradient<F, I> {
  const both = differentiated("grad", f, options);
  return (...args) => {
    const [value, gradient] = both(...args);
    const result = options.hasAux ? [gradient, (value as unknown[])[1]] : gradient;
    return result as HA extends true ? [Gradient<F, I>, Aux<F>] : Gradient<F, I>;
  };
}

export function checkDifferentiable(caller: string, x: NDArray, argument: number): void {
  if (isFloat(x.dtype)) return;
  throw new WeftTypeError(
    `${caller} requires float inputs, but argument ${argument} has a leaf of type ${x.aval}. ` +
      "Convert it with astype, or choose other arguments with argnums.",
  );
}

function checkScalar(caller: string, outs: readonly NDArray[], def: tree.TreeDef): void {
  if (!def.isLeaf)
    throw new WeftTypeError(
      `${caller}: Gradient only defined for scalar-output functions. Output was the tree ${def}. Use hasAux to return more than the scalar.`,
    );
  const out = outs[0]!;
  if (out.ndim !== 0)
    throw new WeftTypeError(
      `${caller}: Gradient only defined for scalar-output functions. Output had shape: (${out.shape.join(", ")}${out.ndim === 1 ? "," : ""}).`,
    );
  if (!isFloat(out.dtype))
    throw new WeftTypeError(`${caller} requires a float output, but the function returned ${out.aval}.`);
}

type Pullback<F extends AnyFunction, Out> = ((ct: Out | MapTree<Out, ArrayLeaf>) => ArrayInputs<F>) &
  HasDispose;
interface HasDispose {
  /** Residuals are garbage-collected; this exists for programs that dispose everything. */
  dispose(): void;
}
const disposable = <T extends AnyFunction>(f: T): T & HasDispose => Object.assign(f, { dispose: () => {} });

type PrimalOut<F extends AnyFunction, HA> = HA extends true ? Pair<ReturnType<F>>[0] : ReturnType<F>;
type WithAux<F extends AnyFunction, HA, T extends unknown[]> = HA extends true ? [...T, Aux<F>] : T;

/**
 * Runs `f` and returns its output with a function that pulls cotangents back.
 *
 * @param primals the arguments, in an array
 * @returns `[out, pullback]` (with `hasAux` also aux); `pullback(ct)` takes a tree like `out` and returns one cotangent
 *   tree per argument, in an array. Integer arguments get zeros.
 * @throws WeftTypeError when the cotangent's tree, shapes or dtypes differ from the output's
 * Source: `jax.vjp`.
 * @example const [y, back] = vjp((a, b) => a.mul(b), [3, 4]); back(1) // => [4, 3]
 */
export function vjp<F extends AnyFunction = ArrayFunction, HA extends boolean = false>(
  f: F,
  primals: Inputs<F>,
  options: { readonly hasAux?: HA } = {},
): WithAux<F, HA, [Arrays<PrimalOut<F, HA>>, Pullback<F, PrimalOut<F, HA>>]> {
  checkCallable(f, "vjp");
  const { hasAux = false } = checkOptions("vjp", options, ["hasAux"]);
  const { leaves, defs } = flattenArgs(checkList("vjp: primals", primals), "vjp");
  const flat = flatten(f, defs, hasAux, "vjp");
  const lin = linearizeResult(flat, leaves);
  const outTree = flat.outTree();
  const [outs, aux] = flat.finish(lin.outs);
  const back = disposable((ct: unknown) => {
    const cts = matchLeaves(ct, outTree, outs, "vjp: the cotangent");
    return unflattenArgs(defs, pullback(lin, leaves, cts).map(instantiate));
  });
  const out = tree.unflatten(outTree, outs);
  return (hasAux ? [out, back, aux] : [out, back]) as never;
}

/** Leaves of a tree that must have the structure and the types of `like`; plain numbers take the dtype. */
function matchLeaves(value: unknown, def: tree.TreeDef, like: readonly NDArray[], where: string): NDArray[] {
  const [leaves, actual] = arrayLeaves(value, where);
  if (actual !== def)
    throw new WeftTypeError(`${where} must have the structure ${def} of the output, but has ${actual}.`);
  return leaves.map((x, i) => {
    const want = like[i]!;
    const fits = x.weakType && x.ndim === 0 && want.ndim === 0 && isFloat(want.dtype);
    const y = fits && x.dtype !== want.dtype ? convertElementType(x, want.dtype) : x;
    if (y.dtype === want.dtype && String(y.shape) === String(want.shape)) return y;
    throw new WeftTypeError(
      `${where}${tree.keystr(def.paths()[i]!)} has type ${x.aval} but the corresponding value has type ${want.aval}. They must be equal.`,
    );
  });
}

/**
 * Forward-mode derivative at `primals` in the direction of `tangents`.
 *
 * @param primals, tangents the arguments and their tangents, in arrays of equal trees; integer leaves have no tangent
 * @returns `[out, tangentOut]`, with `hasAux` also aux
 * @throws WeftTypeError when tangents do not match primals
 * Source: `jax.jvp`.
 * @example jvp((a, b) => a.mul(b), [3, 4], [1, 0]) // => [12, 4]
 */
export function jvp<F extends AnyFunction = ArrayFunction, HA extends boolean = false>(
  f: F,
  primals: Inputs<F>,
  tangents: Inputs<F>,
  options: { readonly hasAux?: HA } = {},
): WithAux<F, HA, [Arrays<PrimalOut<F, HA>>, Arrays<PrimalOut<F, HA>>]> {
  checkCallable(f, "jvp");
  const { hasAux = false } = checkOptions("jvp", options, ["hasAux"]);
  const { leaves, defs } = flattenArgs(checkList("jvp: primals", primals), "jvp");
  const given = flattenTangents(checkList("jvp: tangents", tangents), defs, leaves, "jvp");
  const flat = flatten(f, defs, hasAux, "jvp");
  const [outs, outTangents] = jvpFlat(flat, leaves, given);
  const [primalsOut, aux] = flat.finish(outs);
  const [tangentsOut] = flat.finish(outTangents.map(instantiate));
  const out = tree.unflatten(flat.outTree(), primalsOut);
  const tangentOut = tree.unflatten(flat.outTree(), tangentsOut);
  return (hasAux ? [out, tangentOut, aux] : [out, tangentOut]) as never;
}

function flattenTangents(
  tangents: readonly unknown[],
  defs: readonly tree.TreeDef[],
  primals: readonly NDArray[],
  what: string,
): MaybeZero[] {
  const given = flattenArgs(tangents, `${what}: tangent`);
  if (given.defs.length !== defs.length || given.defs.some((d, i) => d !== defs[i]))
    throw new WeftTypeError(
      `${what}: primal and tangent arguments must have the same tree structure; primals have ${defs.join(", ")}, tangents have ${given.defs.join(", ")}.`,
    );
  const typed = given.leaves.map((t, i) =>
    t.weakType && t.dtype !== primals[i]!.dtype && isFloat(primals[i]!.dtype)
      ? convertElementType(t, primals[i]!.dtype)
      : t,
  );
  const float = primals.map((p) => isFloat(p.dtype));
  checkTangents(
    primals.filter((_, i) => float[i]),
    typed.filter((_, i) => float[i]),
    what,
  );
  return typed.map((t, i) => (float[i] ? t : new Zero(primals[i]!.aval)));
}

/**
 * Runs `f` and returns its derivative at that point as a function of tangents; the linear program is recorded once.
 *
 * @returns `[out, pushforward]` (with `hasAux` also aux); `pushforward(...tangents)` returns the tangent of the output
 * Source: `jax.linearize`.
 * @example const [y, push] = linearize((x) => x.mul(x), [3]); [y, push(1), push(0.5)] // => [9, 6, 3]
 */
export function linearize<F extends AnyFunction = ArrayFunction, HA extends boolean = false>(
  f: F,
  primals: Inputs<F>,
  options: { readonly hasAux?: HA } = {},
): WithAux<
  F,
  HA,
  [Arrays<PrimalOut<F, HA>>, ((...tangents: Inputs<F>) => Arrays<PrimalOut<F, HA>>) & HasDispose]
> {
  checkCallable(f, "linearize");
  const { hasAux = false } = checkOptions("linearize", options, ["hasAux"]);
  const { leaves, defs } = flattenArgs(checkList("linearize: primals", primals), "linearize");
  const flat = flatten(f, defs, hasAux, "linearize");
  const lin = linearizeResult(flat, leaves);
  const outTree = flat.outTree();
  const [primalsOut, aux] = flat.finish(lin.outs);
  const push = disposable((...tangents: unknown[]) => {
    const given = flattenTangents(tangents, defs, leaves, "linearize");
    const ts = given.filter((_, i) => lin.nonzeroIn[i]).map(instantiate);
    const results = evalJaxpr(lin.staged, [...lin.residuals, ...ts]);
    const isGiven = primalsOut.map((_, i) => lin.nonzeroOut[i]!);
    const outs = filled(isGiven, results, (i) => instantiate(new Zero(primalsOut[i]!.aval)));
    return tree.unflatten(outTree, outs);
  });
  const out = tree.unflatten(outTree, primalsOut);
  return (hasAux ? [out, push, aux] : [out, push]) as never;
}
