/** Functions with derivatives of their own, and functions whose intermediate values are not kept. */
import type { NDArray } from "../core/array.ts";
import { WeftTypeError } from "../core/errors.ts";
import { Zero } from "../core/primitive.ts";
import { stage } from "../core/stage.ts";
import { callPrimitive } from "../lax/control/call.ts";
import { customJvpPrimitive, customVjpPrimitive, type Flat } from "../lax/control/custom.ts";
import { rematPrimitive } from "../lax/control/remat.ts";
import { instantiate } from "../transforms/zero.ts";
import * as tree from "../tree/index.ts";
import {
  type AnyFunction,
  type ArrayFunction,
  type Arrays,
  arrayLeaves,
  checkCallable,
  flatten,
  type Inputs,
  type Output,
} from "./functions.ts";

/** Arguments as leaves with their trees, and the function on leaves recorded for them. */
function record(f: AnyFunction, args: readonly unknown[], what: string) {
  const parts = args.map((a, i) => arrayLeaves(a, `${what}: argument ${i}`));
  const leaves = parts.flatMap(([l]) => l);
  const defs = parts.map(([, d]) => d);
  const flat = flatten(f, defs, false, what);
  const { jaxpr, consts } = stage(
    flat,
    leaves.map((x) => x.aval),
  );
  return { leaves, defs, jaxpr, consts, outTree: flat.outTree(), name: f.name || "<lambda>" };
}

const unflattenAll = (defs: readonly tree.TreeDef[], leaves: readonly NDArray[]): unknown[] => {
  let start = 0;
  return defs.map((d) => tree.unflatten(d, leaves.slice(start, (start += d.numLeaves))));
};

/** A tree that must have this structure, as leaves; null stands for zeros. */
function cotangentLeaves(
  value: unknown,
  def: tree.TreeDef,
  like: readonly NDArray[],
  where: string,
): NDArray[] {
  if (value === null || value === undefined) return like.map((x) => instantiate(new Zero(x.aval)));
  const [leaves, actual] = arrayLeaves(value, where);
  if (actual !== def)
    throw new WeftTypeError(`${where} must have the structure ${def} of the argument, but has ${actual}.`);
  return leaves;
}

/**
 * `f` with a forward-mode rule of its own; reverse mode follows from it when the rule is linear in the tangents.
 *
 * @param rule `(primals, tangents) => [out, tangentOut]`, both arguments arrays with one entry per argument of f
 * @returns a function like f
 * Source: `jax.custom_jvp`.
 * @example
 * const safeLog = customJvp((x) => np.log(x), ([x], [t]) => [np.log(x), t.div(np.maximum(x, 1e-6))]);
 */
export function customJvp<F extends AnyFunction = ArrayFunction>(
  f: F,
  rule: (primals: Parameters<F>, tangents: Parameters<F>) => readonly [unknown, unknown],
): (...args: Inputs<F>) => Output<F> {
  checkCallable(f, "customJvp");
  checkCallable(rule, "customJvp's rule");
  return (...args) => {
    const { leaves, defs, jaxpr, consts, outTree, name } = record(f, args, "customJvp");
    const flatRule: Flat = (xs) => {
      const [primals, tangents] = [
        xs.slice(consts.length, consts.length + leaves.length),
        xs.slice(2 * consts.length + leaves.length),
      ];
      const result = rule(
        unflattenAll(defs, primals) as Parameters<F>,
        unflattenAll(defs, tangents) as Parameters<F>,
      );
      return result.flatMap((part) => arrayLeaves(part, "customJvp: the rule's result")[0]);
    };
    const outs = customJvpPrimitive.bind([...consts, ...leaves], { jaxpr, name, rule: flatRule });
    return tree.unflatten(outTree, outs) as Output<F>;
  };
}

/**
 * `f` with a reverse-mode rule of its own.
 *
 * @param fwd `(...args) => [out, residuals]`
 * @param bwd `(residuals, ct) => cotangents`, an array with one tree per argument (null: zero)
 * @returns a function like f; forward mode through it throws
 * Source: `jax.custom_vjp`.
 * @example
 * const clipped = customVjp((x) => x, (x) => [x, null], (_, ct) => [np.clip(ct, -1, 1)]);
 */
export function customVjp<F extends AnyFunction = ArrayFunction>(
  f: F,
  fwd: (...args: Parameters<F>) => readonly [unknown, unknown],
  // biome-ignore lint/suspicious/noExplicitAny: residuals are whatever fwd returns
  bwd: (residuals: any, ct: Arrays<ReturnType<F>>) => readonly unknown[],
): (...args: Inputs<F>) => Output<F> {
  checkCallable(f, "customVjp");
  checkCallable(fwd, "customVjp's fwd");
  checkCallable(bwd, "customVjp's bwd");
  return (...args) => {
    const { leaves, defs, jaxpr, consts, outTree, name } = record(f, args, "customVjp");
    const n = consts.length;
    let residualTree: tree.TreeDef | undefined;
    const flatFwd: Flat = (xs) => {
      const [out, residuals] = fwd(...(unflattenAll(defs, xs.slice(n)) as Parameters<F>));
      const [resLeaves, def] = arrayLeaves(residuals, "customVjp: the residuals");
      residualTree = def;
      return [...arrayLeaves(out, "customVjp: the result of fwd")[0], ...resLeaves, ...xs];
    };
    const flatBwd: Flat = (xs) => {
      const numRes = residualTree!.numLeaves;
      const inputs = xs.slice(numRes, numRes + n + leaves.length);
      const ct = tree.unflatten(outTree, xs.slice(numRes + inputs.length)) as Arrays<ReturnType<F>>;
      const cts = bwd(tree.unflatten(residualTree!, xs.slice(0, numRes)), ct);
      if (!Array.isArray(cts) || cts.length !== defs.length)
        throw new WeftTypeError(
          `customVjp: bwd must return an array of ${defs.length} cotangent(s), one per argument.`,
        );
      let start = n;
      const perArgument = defs.flatMap((def, i) =>
        cotangentLeaves(
          cts[i],
          def,
          inputs.slice(start, (start += def.numLeaves)),
          `customVjp: cotangent ${i}`,
        ),
      );
      return [...inputs.slice(0, n).map((x) => instantiate(new Zero(x.aval))), ...perArgument];
    };
    const outs = customVjpPrimitive.bind([...consts, ...leaves], { jaxpr, name, fwd: flatFwd, bwd: flatBwd });
    return tree.unflatten(outTree, outs) as Output<F>;
  };
}

/** What {@link checkpoint} keeps for the backward pass. */
export type CheckpointPolicy = "nothingSaveable" | "everythingSaveable";

/** See {@link checkpoint}. */
interface Checkpoint {
  <F extends AnyFunction = ArrayFunction>(
    f: F,
    options?: { readonly policy?: CheckpointPolicy },
  ): (...args: Inputs<F>) => Output<F>;
  /** What may be kept, by JAX's names. */
  readonly policies: Readonly<Record<CheckpointPolicy, CheckpointPolicy>>;
}

function checkpointed<F extends AnyFunction>(
  f: F,
  { policy = "nothingSaveable" }: { readonly policy?: CheckpointPolicy } = {},
): (...args: Inputs<F>) => Output<F> {
  checkCallable(f, "checkpoint");
  const primitive = policy === "everythingSaveable" ? callPrimitive : rematPrimitive;
  return (...args) => {
    const { leaves, jaxpr, consts, outTree, name } = record(f, args, "checkpoint");
    return tree.unflatten(outTree, primitive.bind([...consts, ...leaves], { jaxpr, name })) as Output<F>;
  };
}

/**
 * `f` such that reverse mode keeps only its arguments and computes the rest again: less memory, more work. Around the body of
 * a scan, each step keeps its carry alone.
 *
 * @param policy what may be kept: nothing (default) or everything
 * Source: `jax.checkpoint`. Within one program outside of loops, common subexpressions are merged again.
 * @example lax.scan(checkpoint(step), init, xs)
 */
export const checkpoint: Checkpoint = Object.assign(checkpointed, {
  policies: { nothingSaveable: "nothingSaveable", everythingSaveable: "everythingSaveable" },
} as const);
