/** Looking at functions without running them. */
import type { NDArray } from "../core/array.ts";
import { aval, type ShapedArray } from "../core/aval.ts";
import { checkShape } from "../core/check.ts";
import { checkDType, type DType } from "../core/dtype.ts";
import { installPrinter, type Jaxpr } from "../core/jaxpr.ts";
import { printJaxpr } from "../core/print.ts";
import { stage } from "../core/stage.ts";
import { inspectProgram, loopsText, nativeText } from "../devices/index.ts";
import * as tree from "../tree/index.ts";
import { checkChoice } from "../util/options.ts";
import { type AnyFunction, arrayLeaves, checkCallable, flatten } from "./functions.ts";
import { installTexts } from "./lowered.ts";

const FORMS = {
  jaxpr: printJaxpr,
  loops: loopsText,
  wasm: (jaxpr: Jaxpr) => inspectProgram(jaxpr).wasm,
  c: nativeText,
} as const;
const FORM_NAMES = Object.keys(FORMS) as (keyof typeof FORMS)[];

installPrinter(printJaxpr);
installTexts((jaxpr, form) => FORMS[checkChoice("asText: the form", form, FORM_NAMES)](jaxpr));

/** Shape and dtype of an array without its data; may stand for an array in {@link evalShape} and {@link makeJaxpr}. */
export interface ShapeDtype {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

const isShape = (x: unknown): x is ShapeDtype =>
  typeof x === "object" &&
  x !== null &&
  !("aval" in x) &&
  "shape" in x &&
  "dtype" in x &&
  Array.isArray(x.shape);

function typesOf(args: readonly unknown[], what: string): { avals: ShapedArray[]; defs: tree.TreeDef[] } {
  const parts = args.map((a, i) => {
    const [leaves, def] = tree.flattenFor(`${what}: argument ${i}`, a, isShape);
    const avals = leaves.map((x) =>
      isShape(x)
        ? aval(checkShape(what, x.shape), checkDType(what, x.dtype))
        : arrayLeaves(x, `${what}: argument ${i}`)[0][0]!.aval,
    );
    return { avals, def };
  });
  return { avals: parts.flatMap((p) => p.avals), defs: parts.map((p) => p.def) };
}

function record(f: AnyFunction, args: readonly unknown[], what: string) {
  checkCallable(f, what);
  const { avals, defs } = typesOf(args, what);
  const flat = flatten(f, defs, false, what);
  const { jaxpr, consts } = stage(flat, avals);
  return { jaxpr, consts, treedef: flat.outTree() };
}

/**
 * The program that a function is, as `String(jaxpr)` prints it in JAX's notation.
 * @returns `(...args) => { jaxpr, consts, treedef }`; treedef is the tree of the result
 * Source: `jax.make_jaxpr`.
 * @example String(makeJaxpr((x) => np.sin(x).mul(2))(1).jaxpr)
 * // => { lambda ; a:f32[]. let b:f32[] = sin a; c:f32[] = mul b 2.0:f32[] in (c,) }
 */
export function makeJaxpr<F extends AnyFunction>(
  f: F,
): (...args: unknown[]) => { jaxpr: Jaxpr; consts: NDArray[]; treedef: tree.TreeDef } {
  checkCallable(f, "makeJaxpr");
  return (...args) => record(f, args, "makeJaxpr");
}

/**
 * The shapes and dtypes that `f(...args)` would have, without computing anything.
 * @param args trees of arrays or of `{ shape, dtype }`
 * @returns a tree like the result, with `{ shape, dtype }` leaves
 * Source: `jax.eval_shape`.
 * @example evalShape((x) => np.dot(x, x.transpose()), { shape: [3, 4], dtype: "float32" }).shape // => [3, 3]
 */
export function evalShape<F extends AnyFunction>(
  f: F,
  ...args: unknown[]
): tree.MapTree<ReturnType<F>, ShapeDtype> {
  const { jaxpr, treedef } = record(f, args, "evalShape");
  const shapes = jaxpr.outAvals.map((a): ShapeDtype => ({ shape: [...a.shape], dtype: a.dtype }));
  return tree.unflatten(treedef, shapes) as tree.MapTree<ReturnType<F>, ShapeDtype>;
}
