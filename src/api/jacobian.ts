/** Jacobians and Hessians: derivatives along a whole basis at once, by vmap. */
import { fromTyped, type NDArray } from "../core/array.ts";
import { checkPosition } from "../core/check.ts";
import { isFloat } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import { hostArray } from "../core/host.ts";
import { reshape, sliceInDim } from "../lax/shape.ts";
import * as tree from "../tree/index.ts";
import { checkOptions } from "../util/options.ts";
import { show } from "../util/text.ts";
import { checkDifferentiable, differentiated, type Gradient, jvp, vjp } from "./autodiff.ts";
import {
  type AnyFunction,
  type ArrayFunction,
  arrayLeaves,
  checkCallable,
  type Inputs,
} from "./functions.ts";
import { vmap } from "./vmap.ts";

export interface JacobianOptions<I extends number | undefined = number> {
  /** The argument to differentiate with respect to; default the first. */
  readonly argnums?: I;
}

/** Every output leaf becomes a tree like the argument; shapes are output shape followed by input shape. */
export type Jacobian<F extends AnyFunction, I = undefined> = tree.MapTree<ReturnType<F>, Gradient<F, I>>;

/** The basis of a tree's space: per leaf an array of unit vectors along a new leading axis of the total size. */
function basis(leaves: readonly NDArray[]): NDArray[] {
  const total = leaves.reduce((n, x) => n + x.size, 0);
  let start = 0;
  return leaves.map((x) => {
    const data = hostArray([total, ...x.shape], x.dtype);
    for (let k = 0; k < x.size; k++) data[(start + k) * x.size + k] = 1;
    start += x.size;
    return fromTyped(data, [total, ...x.shape], x.dtype);
  });
}

const at = (args: readonly unknown[], i: number, value: unknown): unknown[] =>
  args.map((a, k) => (k === i ? value : a));

/** Cuts the leading axis (the basis of `leaves`) into one block per leaf, each shaped like its leaf. */
function blocks(x: NDArray, leaves: readonly NDArray[], axis: 0 | -1): NDArray[] {
  const rest = axis === 0 ? x.shape.slice(1) : x.shape.slice(0, -1);
  let start = 0;
  return leaves.map((leaf) => {
    const part = sliceInDim(x, start, (start += leaf.size), 1, axis === 0 ? 0 : x.ndim - 1);
    return reshape(part, axis === 0 ? [...leaf.shape, ...rest] : [...rest, ...leaf.shape]);
  });
}

/**
 * The Jacobian by forward mode, a column per input element: right for few inputs.
 * @returns `(...args) => tree` like the output; each leaf is a tree like the argument with arrays of shape
 *   `[...output shape, ...input shape]`
 * Source: `jax.jacfwd`.
 * @example jacfwd((x) => np.stack([x.sum(), x.prod()]))(np.array([2, 3, 4])).js() // => [[1, 1, 1], [12, 8, 6]]
 */
export function jacfwd<F extends AnyFunction = ArrayFunction, const I extends number | undefined = undefined>(
  f: F,
  options: JacobianOptions<I> = {},
): (...args: Inputs<F>) => Jacobian<F, I> {
  checkCallable(f, "jacfwd");
  return forward("jacfwd", f, options) as never;
}

/** {@link jacfwd} for the function `caller`, of which errors speak. */
function forward(
  caller: string,
  f: AnyFunction,
  options: JacobianOptions<number | undefined>,
): (...args: unknown[]) => unknown {
  const { argnums: chosen = 0 } = checkOptions(caller, options, ["argnums"]);
  return (...args) => {
    const { argnums, leaves, def } = chosenArgument(caller, chosen, args);
    const along: AnyFunction = (...unit) =>
      jvp(
        (x) => f(...at(args, argnums, x)),
        [args[argnums]] as never,
        [tree.unflatten(def, unit)] as never,
      )[1];
    const columns = vmap(along, 0, -1)(...basis(leaves));
    return mapLeaves(columns, (x) => tree.unflatten(def, blocks(x, leaves, -1)));
  };
}

/**
 * The Jacobian by reverse mode, a row per output element: right for few outputs. See {@link jacfwd} for the result.
 * Source: `jax.jacrev`.
 * @example jacrev((p) => p.a.mul(p.b))({ a: np.array([1, 2]), b: 3 }) // => { a: [[3, 0], [0, 3]], b: [1, 2] }
 */
export function jacrev<F extends AnyFunction = ArrayFunction, const I extends number | undefined = undefined>(
  f: F,
  options: JacobianOptions<I> = {},
): (...args: Inputs<F>) => Jacobian<F, I> {
  checkCallable(f, "jacrev");
  const { argnums: chosen = 0 } = checkOptions("jacrev", options, ["argnums"]);
  return (...args) => {
    const { argnums } = chosenArgument("jacrev", chosen, args);
    const [out, back] = vjp((x) => f(...at(args, argnums, x)), [args[argnums]]);
    const [outLeaves, outDef] = arrayLeaves(out, "jacrev: the output");
    checkFloatOutputs(outLeaves);
    const rows: AnyFunction = (...unit) => back(tree.unflatten(outDef, unit) as never)[0];
    const [perInput, def] = arrayLeaves(vmap(rows)(...basis(outLeaves)), "jacrev: the rows");
    const perOutput = perInput.map((x) => blocks(x, outLeaves, 0));
    const trees = outLeaves.map((_, o) =>
      tree.unflatten(
        def,
        perOutput.map((parts) => parts[o]!),
      ),
    );
    return tree.unflatten(outDef, trees) as Jacobian<F, I>;
  };
}

/**
 * The Hessian of a scalar-valued function: forward over reverse.
 * @returns a tree like the argument; each leaf a tree like the argument with arrays of shape `[...shape, ...shape]`
 * Source: `jax.hessian`.
 * @example hessian((x) => x.mul(x).mul(x).sum())(np.array([1, 2])).js() // => [[6, 0], [0, 12]]
 */
export function hessian<
  F extends AnyFunction = ArrayFunction,
  const I extends number | undefined = undefined,
>(
  f: F,
  options: JacobianOptions<I> = {},
): (...args: Inputs<F>) => tree.MapTree<Gradient<F, I>, Gradient<F, I>> {
  checkCallable(f, "hessian");
  const { argnums = 0 } = checkOptions("hessian", options, ["argnums"]);
  const both: AnyFunction = differentiated("hessian", f, { argnums });
  return forward("hessian", (...args) => both(...args)[1], options) as never;
}

function checkFloatOutputs(outs: readonly NDArray[]): void {
  const odd = outs.find((x) => !isFloat(x.dtype));
  if (odd)
    throw new WeftTypeError(
      `jacrev requires float outputs, but the function returned ${odd.aval}. Use vjp for functions with integer outputs.`,
    );
}

/** The argument to differentiate with respect to, which has leaves. */
function chosenArgument(
  caller: string,
  chosen: number,
  args: readonly unknown[],
): { argnums: number; leaves: NDArray[]; def: tree.TreeDef } {
  const argnums = checkPosition(`${caller}: argnums`, chosen, args.length);
  const [leaves, def] = arrayLeaves(args[argnums], `${caller}: argument ${argnums}`);
  for (const x of leaves) checkDifferentiable(caller, x, argnums);
  if (leaves.length > 0) return { argnums, leaves, def };
  throw new WeftTypeError(
    `${caller}: argument ${argnums} must have an array in it, got ${show(args[argnums])}.`,
  );
}

function mapLeaves(value: unknown, f: (x: NDArray) => unknown): unknown {
  const [leaves, def] = arrayLeaves(value, "jacobian");
  return tree.unflatten(def, leaves.map(f));
}
