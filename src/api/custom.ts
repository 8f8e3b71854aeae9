/** Functions with derivatives of their own, and functions whose intermediate values are not kept. */
import { DeviceArray, type NDArray } from "../core/array.ts";
import type { ShapedArray } from "../core/aval.ts";
import { isFloat } from "../core/dtype.ts";
import { ConcretizationTypeError, WeftTypeError, WeftValueError } from "../core/errors.ts";
import type { Eqn, Jaxpr } from "../core/jaxpr.ts";
import { type MaybeZero, Zero } from "../core/primitive.ts";
import { stage } from "../core/stage.ts";
import { isEager, withEager } from "../core/trace.ts";
import { convertElementType } from "../lax/cast.ts";
import { customJvpPrimitive, customVjpPrimitive, type Flat } from "../lax/control/custom.ts";
import { rematPrimitive, type Saveable } from "../lax/control/remat.ts";
import type { DotParams } from "../lax/dot.ts";
import * as tree from "../tree/index.ts";
import { checkOptions } from "../util/options.ts";
import { show } from "../util/text.ts";
import { splitAt } from "../util/zip.ts";
import {
  type AnyFunction,
  type ArrayFunction,
  type Arrays,
  arrayLeaves,
  checkCallable,
  type FlatFunction,
  flatten,
  type Inputs,
  type Output,
  type ParametersOf,
} from "./functions.ts";

const nameOf = (f: AnyFunction): string => f.name || "<lambda>";

/** What a function does with arrays. */
interface Program {
  readonly jaxpr: Jaxpr;
  readonly consts: readonly NDArray[];
  readonly out: Results;
}
/** A function recorded for the leaves of its arguments. */
interface Call {
  readonly program: Program;
  readonly leaves: readonly NDArray[];
  readonly defs: readonly tree.TreeDef[];
}

/** The structure and the types that a result of a rule must have. */
interface Expected {
  readonly def: tree.TreeDef;
  readonly avals: readonly ShapedArray[];
}

/** What results of a function are like: as it was recorded, or else as its rule is the first to say. */
class Results {
  #expected: Expected | undefined;
  constructor(expected?: Expected) {
    this.#expected = expected;
  }
  get expected(): Expected {
    return this.#expected!;
  }
  expect(actual: Expected): Expected {
    return (this.#expected ??= actual);
  }
}

function record(flat: FlatFunction, leaves: readonly NDArray[]): Program {
  const { jaxpr, consts } = stage(
    flat,
    leaves.map((x) => x.aval),
  );
  return { jaxpr, consts, out: new Results({ def: flat.outTree(), avals: jaxpr.outAvals }) };
}

/** Of a function that looks at values: whoever needs its program gets the error of the attempt to record it. */
const unrecorded = (error: ConcretizationTypeError): Program => ({
  get jaxpr(): Jaxpr {
    throw error;
  },
  consts: [],
  out: new Results(),
});

/**
 * A function like f that is recorded as one call, which `bind` makes. With `rules` for its derivatives it just runs when nothing is
 * traced, and may look at values where only derivatives are taken, which its rules alone know.
 */
function recorded(
  f: AnyFunction,
  what: string,
  rules: boolean,
  bind: (call: Call) => NDArray[],
): (...args: unknown[]) => unknown {
  return (...args) => {
    const parts = args.map((a, i) => arrayLeaves(a, `${what}: argument ${i}`));
    const leaves = parts.flatMap(([l]) => l);
    const defs = parts.map(([, d]) => d);
    const flat = flatten(f, defs, false, what);
    const run = (): unknown => {
      const outs = flat(leaves);
      return tree.unflatten(flat.outTree(), outs);
    };
    if (rules && isEager()) return run();
    let program: Program;
    try {
      program = record(flat, leaves);
    } catch (error) {
      if (!rules || !(error instanceof ConcretizationTypeError)) throw error;
      // No derivative is taken of these. Whatever else is traced, f may not close over: its rules would not see it.
      if (leaves.every((x) => x instanceof DeviceArray)) return withEager(run);
      program = unrecorded(error);
    }
    const outs = bind({ program, leaves, defs });
    return tree.unflatten(program.out.expected.def, outs);
  };
}

/** Parameters of the call: the program as it lies in `program`, where reading it may throw. */
const withProgram = <P extends object>(program: Program, params: P): P & Pick<Program, "jaxpr"> =>
  Object.defineProperty(
    params as P & Pick<Program, "jaxpr">,
    "jaxpr",
    Object.getOwnPropertyDescriptor(program, "jaxpr")!,
  );

const unflattenAll = (defs: readonly tree.TreeDef[], leaves: readonly NDArray[]): unknown[] => {
  let start = 0;
  return defs.map((d) => tree.unflatten(d, leaves.slice(start, (start += d.numLeaves))));
};

/** What a rule returned where a value of the primal function belongs. */
function primalLeaves(value: unknown, out: Results, what: string, rule: string): NDArray[] {
  const [leaves, actual] = arrayLeaves(value, `${what}: the output of ${rule}`);
  const { def, avals } = out.expect({ def: actual, avals: leaves.map((x) => x.aval) });
  if (actual === def && leaves.every((x, i) => fits(x, avals[i]!)))
    return leaves.map((x, i) => convertTo(x, avals[i]!));
  const type = (d: tree.TreeDef, types: readonly ShapedArray[]): string => describe(tree.unflatten(d, types));
  throw new WeftTypeError(
    `${what}: ${rule} must produce a pair whose first element is the output of the primal function, but that element has type ` +
      `${type(
        actual,
        leaves.map((x) => x.aval),
      )} while the output of the primal function has type ${type(def, avals)}.`,
  );
}

/** A tree of types as text. */
const describe = (t: unknown): string =>
  Array.isArray(t)
    ? `[${t.map(describe).join(", ")}]`
    : t !== null && typeof t === "object" && Object.getPrototypeOf(t) === Object.prototype
      ? `{ ${Object.entries(t)
          .map(([k, v]) => `${k}: ${describe(v)}`)
          .join(", ")} }`
      : String(t);

/** Tangents or cotangents that belong to values of these types: null for zeros, and whatever for integers, which have none. */
function tangentLeaves(
  value: unknown,
  { def, avals }: Expected,
  structureError: (actual: tree.TreeDef) => Error,
  typeError: (path: string, actual: ShapedArray, expected: ShapedArray) => Error,
): MaybeZero[] {
  const actual = tree.structure(value, isNull);
  if (tree.prefixErrors(actual, def).length > 0) throw structureError(actual);
  const paths = def.paths();
  return tree.broadcastPrefix(value, def, isNull).map((x, i): MaybeZero => {
    const expected = avals[i]!;
    if (isNull(x) || !isFloat(expected.dtype)) return new Zero(expected);
    const [[array]] = arrayLeaves(x, "a tangent") as [[NDArray], unknown];
    if (!fits(array, expected)) throw typeError(tree.keystr(paths[i]!), array.aval, expected);
    return convertTo(array, expected);
  });
}

const isNull = (x: unknown): boolean => x === null || x === undefined;

/** Of the type, or a weak scalar that takes the dtype. */
const fits = (x: NDArray, { shape, dtype }: ShapedArray): boolean =>
  String(x.shape) === String(shape) && (x.dtype === dtype || (x.weakType && isFloat(dtype)));
const convertTo = (x: NDArray, { dtype }: ShapedArray): NDArray =>
  x.dtype === dtype ? x : convertElementType(x, dtype);

const difference = (a: ShapedArray, b: ShapedArray): string =>
  String(a.shape) === String(b.shape) ? "the dtypes do not match" : "the shapes do not match";

function pairOf(result: unknown, what: string, rule: string, parts: string): readonly [unknown, unknown] {
  if (Array.isArray(result) && result.length === 2) return result as [unknown, unknown];
  const got = Array.isArray(result) ? `an array of ${result.length}` : String(result);
  throw new WeftTypeError(`${what}: ${rule} must return a pair ${parts}, but got ${got}.`);
}

/**
 * `f` with a forward-mode rule of its own; reverse mode follows from it when the rule is linear in the tangents.
 *
 * @param rule `(primals, tangents) => [out, tangentOut]`, both arguments arrays with one entry per argument of f; a tangent of
 *   the output, or a subtree of it, may be null for zero. It may close over arrays, which have no derivative then.
 * @returns a function like f
 * @throws WeftTypeError when the rule's output differs from f's in tree, shape or dtype, or a tangent from its output; when a value
 *   that f closes over is differentiated
 * Source: `jax.custom_jvp`.
 * @example
 * const safeLog = customJvp((x) => np.log(x), ([x], [t]) => [np.log(x), t.div(np.maximum(x, 0.25))]);
 * [grad(safeLog)(2), grad(safeLog)(0)] // => [0.5, 4]
 */
export function customJvp<F extends AnyFunction = ArrayFunction>(
  f: F,
  rule: (primals: ParametersOf<F>, tangents: ParametersOf<F>) => readonly [unknown, unknown],
): (...args: Inputs<F>) => Output<F> {
  checkCallable(f, "customJvp");
  checkCallable(rule, "customJvp's rule");
  const what = `customJvp(${nameOf(f)})`;
  return recorded(f, what, true, ({ program, leaves, defs }) => {
    const { consts, out } = program;
    const flatRule: Flat = (xs) => {
      const [primals, tangents] = splitAt(xs, leaves.length);
      const result = rule(
        unflattenAll(defs, primals) as ParametersOf<F>,
        unflattenAll(defs, tangents) as ParametersOf<F>,
      );
      const [value, tangent] = pairOf(result, what, "the rule", "[output, tangent of the output]");
      return [...primalLeaves(value, out, what, "the rule"), ...tangentsOf(tangent, out.expected, what)];
    };
    const params = withProgram(program, { name: nameOf(f), numConsts: consts.length, rule: flatRule });
    return customJvpPrimitive.bind([...consts, ...leaves], params);
  }) as never;
}

/** Checks the tangent that a rule returns against the output. */
const tangentsOf = (tangent: unknown, out: Expected, what: string): MaybeZero[] =>
  tangentLeaves(
    tangent,
    out,
    (actual) =>
      new WeftTypeError(
        `${what}: the rule must produce primal and tangent outputs with equal pytree structures, but got ${out.def} and ${actual} respectively.`,
      ),
    (path, actual, expected) =>
      new WeftTypeError(
        `${what}: the rule must produce primal and tangent outputs with corresponding shapes and dtypes. ` +
          `Expected ${expected} (the type of output${path}) but got ${actual}, so ${difference(expected, actual)}.`,
      ),
  );

/**
 * `f` with a reverse-mode rule of its own.
 *
 * @param fwd `(...args) => [out, residuals]`
 * @param bwd `(residuals, ct) => cotangents`, an array with one tree per argument; null, for an argument or a subtree of it, is
 *   zero. Both may close over arrays, which have no derivative then.
 * @returns a function like f; forward mode through it throws
 * @throws WeftTypeError when fwd's output differs from f's or bwd's from the arguments in structure; WeftValueError when a cotangent
 *   differs from its argument in shape or dtype
 * Source: `jax.custom_vjp`.
 * @example
 * const clipped = customVjp((x) => x, (x) => [x, null], (_, ct) => [np.clip(ct, -1, 1)]);
 * grad((x) => clipped(x).mul(5))(2).item() // => 1
 */
export function customVjp<F extends AnyFunction = ArrayFunction>(
  f: F,
  fwd: (...args: ParametersOf<F>) => readonly [unknown, unknown],
  // biome-ignore lint/suspicious/noExplicitAny: residuals are whatever fwd returns
  bwd: (residuals: any, ct: Arrays<ReturnType<F>>) => readonly unknown[],
): (...args: Inputs<F>) => Output<F> {
  checkCallable(f, "customVjp");
  checkCallable(fwd, "customVjp's fwd");
  checkCallable(bwd, "customVjp's bwd");
  const what = `customVjp(${nameOf(f)})`;
  return recorded(f, what, true, ({ program, leaves, defs }) => {
    const { consts, out } = program;
    let residualTree: tree.TreeDef | undefined;
    const flatFwd: Flat = (xs) => {
      const result = fwd(...(unflattenAll(defs, xs) as ParametersOf<F>));
      const [value, residuals] = pairOf(result, what, "fwd", "[output, residuals]");
      const [resLeaves, def] = arrayLeaves(residuals, `${what}: the residuals`);
      residualTree = def;
      return [...primalLeaves(value, out, what, "fwd"), ...resLeaves];
    };
    const flatBwd: Flat = (xs) => {
      const [res, ct] = splitAt(xs, residualTree!.numLeaves);
      const residuals = tree.unflatten(residualTree!, res);
      const cts = bwd(residuals, tree.unflatten(out.expected.def, ct) as Arrays<ReturnType<F>>);
      return cotangentsOf(cts, argumentsOf(defs, leaves), what);
    };
    const params = withProgram(program, {
      name: nameOf(f),
      numConsts: consts.length,
      fwd: flatFwd,
      bwd: flatBwd,
      numOuts: () => out.expected.def.numLeaves,
    });
    return customVjpPrimitive.bind([...consts, ...leaves], params);
  }) as never;
}

/** The list of arguments as one tree. */
const argumentsOf = (defs: readonly tree.TreeDef[], leaves: readonly NDArray[]): Expected => ({
  def: tree.structure(unflattenAll(defs, leaves), undefined),
  avals: leaves.map((x) => x.aval),
});

/** Checks what bwd returns against the arguments that it was called for. */
function cotangentsOf(cts: unknown, args: Expected, what: string): MaybeZero[] {
  const structureError = (actual: tree.TreeDef): WeftTypeError =>
    new WeftTypeError(
      `${what}: bwd must produce an output with the same pytree structure as the list of arguments of the primal function: an ` +
        `array with one cotangent per argument, null for zero. It returned ${actual} for the arguments ${args.def}.`,
    );
  if (!Array.isArray(cts)) throw structureError(tree.structure(cts, undefined));
  return tangentLeaves(
    cts,
    args,
    structureError,
    (path, actual, expected) =>
      new WeftValueError(
        `${what}: bwd must produce an output with the same types as the arguments of the primal function, but at output${path} it ` +
          `produced an output of type ${actual} corresponding to an input of type ${expected}, so ${difference(expected, actual)}.`,
      ),
  );
}

/** What {@link checkpoint} may keep for the backward pass; see `checkpoint.policies`. */
export type CheckpointPolicy = Saveable;

const named =
  (accepts: (name: string) => boolean): CheckpointPolicy =>
  (eqn) =>
    eqn.primitive.name === "name" && accepts(eqn.params["name"] as string);
const isDot = (eqn: Eqn): boolean => eqn.primitive.kind === "contract";
const hasBatch = (eqn: Eqn): boolean => (eqn.params as DotParams).dimension_numbers[1][0].length > 0;

/** By JAX's names. Names are given by `checkpointName`. */
interface Policies {
  /** Nothing but the arguments (the default). */
  readonly nothingSaveable: CheckpointPolicy;
  readonly everythingSaveable: CheckpointPolicy;
  /** Results of matrix products. */
  readonly dotsSaveable: CheckpointPolicy;
  /** Results of matrix products without batch dimensions: those with weights, as a rule. */
  readonly dotsWithNoBatchDimsSaveable: CheckpointPolicy;
  saveOnlyTheseNames(...names: string[]): CheckpointPolicy;
  saveAnyNamesButThese(...names: string[]): CheckpointPolicy;
  saveAnythingExceptTheseNames(...names: string[]): CheckpointPolicy;
  saveFromBothPolicies(a: CheckpointPolicy, b: CheckpointPolicy): CheckpointPolicy;
}

const policies: Policies = {
  nothingSaveable: () => false,
  everythingSaveable: () => true,
  dotsSaveable: isDot,
  dotsWithNoBatchDimsSaveable: (eqn) => isDot(eqn) && !hasBatch(eqn),
  saveOnlyTheseNames: (...names) => named((name) => names.includes(name)),
  saveAnyNamesButThese: (...names) => named((name) => !names.includes(name)),
  saveAnythingExceptTheseNames: (...names) => {
    const excluded = named((name) => names.includes(name));
    return (eqn) => !excluded(eqn);
  },
  saveFromBothPolicies: (a, b) => (eqn) => a(eqn) || b(eqn),
};

/** See {@link checkpoint}. */
interface Checkpoint {
  <F extends AnyFunction = ArrayFunction>(
    f: F,
    options?: { readonly policy?: CheckpointPolicy },
  ): (...args: Inputs<F>) => Output<F>;
  readonly policies: Policies;
}

function checkpointed(f: AnyFunction, options: { readonly policy?: CheckpointPolicy } = {}): AnyFunction {
  checkCallable(f, "checkpoint");
  const { policy = policies.nothingSaveable } = checkOptions("checkpoint", options, ["policy"]);
  if (typeof policy !== "function")
    throw new WeftTypeError(
      `checkpoint: policy must be one of checkpoint.policies (${Object.keys(policies).join(", ")}), got ${show(policy)}.`,
    );
  return recorded(f, "checkpoint", false, ({ program: { jaxpr, consts }, leaves }) =>
    rematPrimitive.bind([...consts, ...leaves], { jaxpr, name: nameOf(f), policy }),
  );
}

/**
 * `f` such that reverse mode keeps only its arguments and computes the rest again: less memory, more work. Around the body of
 * a scan, each step keeps its carry alone.
 *
 * @param policy what may be kept besides, one of `checkpoint.policies`: nothing (default), everything, results of matrix products, or
 *   what `checkpointName` named. It looks at the operations of f itself, not into loops inside of f.
 * @throws WeftTypeError when f is not callable or policy is no policy
 * Source: `jax.checkpoint`.
 * @example
 * const step = checkpoint((x) => [np.sin(np.sin(x)), null]); // stores x, computes the inner sine again
 * grad((x) => lax.scan(step, x, null, { length: 3 })[0])(0).item() // => 1
 */
export const checkpoint: Checkpoint = Object.assign(checkpointed, { policies });
export { checkpointName } from "../lax/cast.ts";
