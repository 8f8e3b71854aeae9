/** The public branches: cond and switch over trees. */
import { type ArrayLike, NDArray } from "../../core/array.ts";
import { type ShapedArray, typeMatch } from "../../core/aval.ts";
import { isInteger, type Promoted, promote } from "../../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../../core/errors.ts";
import { isStepwise, Tracer } from "../../core/trace.ts";
import * as tree from "../../tree/index.ts";
import { show } from "../../util/text.ts";
import { asArray, asCarry } from "../convert.ts";
import { clamp, convertElementType, ne } from "../elementwise.ts";
import { arrayLeaves } from "../leaves.ts";
import {
  checkCallables,
  mergeConsts,
  type TracedBody,
  traceBody,
  type UserFunction,
  unflattenAll,
} from "./body.ts";
import { condPrimitive } from "./cond.ts";
import { asArrays } from "./stepwise.ts";
import type { AnyTree, Arrays, ArraysLike } from "./types.ts";

type ArraysOf<Args extends readonly unknown[]> = { [K in keyof Args]: Arrays<Args[K]> };

/**
 * `pred ? onTrue(...operands) : onFalse(...operands)`, decided when the program runs; only the chosen branch is executed.
 * Under vmap with a batched predicate both run and the results are selected.
 *
 * @param pred a boolean or number scalar
 * @throws WeftTypeError when pred is not a scalar or the branches' outputs differ in tree, shape or dtype
 * Source: `jax.lax.cond`.
 * @example
 * const x = np.array([1, 2, 3]);
 * lax.cond(x.sum().greater(5), (v) => v.mul(2), (v) => v.neg(), x).js() // => [2, 4, 6]
 */
export function cond<Args extends readonly AnyTree[], R extends AnyTree>(
  pred: ArrayLike,
  onTrue: (...operands: ArraysOf<Args>) => R,
  onFalse: (...operands: ArraysOf<Args>) => NoInfer<ArraysLike<R>>,
  ...operands: Args
): NoInfer<Arrays<R>> {
  checkCallables("lax.cond: onTrue and onFalse arguments should be callable.", onTrue, onFalse);
  const p = predicate(pred);
  const names: BranchNames = { what: "cond", names: ["onFalse", "onTrue"], first: 1 };
  // Branch 0 is taken when the predicate is false.
  const index = p.dtype === "bool" ? convertElementType(p, "int32") : convertElementType(ne(p, 0), "int32");
  return runBranches(index, [onFalse as UserFunction, onTrue as UserFunction], operands, names) as NoInfer<
    Arrays<R>
  >;
}

/**
 * Runs `branches[index](...operands)`; the index is clamped to the branches there are.
 *
 * @param index an integer scalar
 * @throws WeftValueError without branches; WeftTypeError when index is not an integer scalar or outputs differ
 * Source: `jax.lax.switch`.
 * @example lax.switch(9, [(x) => x.neg(), (x) => x.mul(10)], np.array([1, 2])).js() // => [10, 20]
 */
export function switchCase<Args extends readonly AnyTree[], R extends AnyTree>(
  index: ArrayLike,
  branches: readonly [
    (...operands: ArraysOf<Args>) => R,
    ...((...operands: ArraysOf<Args>) => NoInfer<ArraysLike<R>>)[],
  ],
  ...operands: Args
): NoInfer<Arrays<R>>;
/**
 * As above, for a list of branches that is made by a program.
 * @example
 * const powers = [0, 1, 2].map((n) => (x) => lax.integerPow(x, n));
 * vmap((i) => lax.switch(i, powers, 3))(np.arange(3)).js() // => [1, 3, 9]
 */
export function switchCase<Args extends readonly AnyTree[], R extends AnyTree>(
  index: ArrayLike,
  branches: readonly ((...operands: ArraysOf<Args>) => R)[],
  ...operands: Args
): NoInfer<Arrays<R>>;
export function switchCase(
  index: ArrayLike,
  branches: readonly ((...operands: never[]) => unknown)[],
  ...operands: unknown[]
): unknown {
  const expected = "lax.switch: branches argument should be a sequence of callables.";
  if (!Array.isArray(branches)) throw new WeftTypeError(`${expected} Got ${show(branches)}.`);
  checkCallables(expected, ...branches);
  if (branches.length === 0) throw new WeftValueError("lax.switch: Empty branch sequence");
  const i = asCarry("lax.switch: index", index);
  if (i.ndim !== 0)
    throw new WeftTypeError(
      `lax.switch: Branch index must be scalar, got ${i.aval} of shape (${i.shape.join(", ")}).`,
    );
  if (!isInteger(i.dtype))
    throw new WeftTypeError(`lax.switch: Index type must be an integer, got ${i.aval}.`);
  const names: BranchNames = {
    what: "switch",
    names: branches.map((_, k) => `branch ${k}`),
    first: 0,
  };
  const clamped = clamp(0, convertElementType(i, "int32"), branches.length - 1);
  return runBranches(clamped, branches as readonly UserFunction[], operands, names);
}

function predicate(pred: ArrayLike): NDArray {
  if (pred === null || pred === undefined) throw new WeftTypeError("lax.cond: predicate is null");
  if (typeof pred !== "number" && typeof pred !== "boolean" && !(pred instanceof NDArray))
    throw new WeftTypeError(`lax.cond: Pred must be a scalar, got ${show(pred)} of type ${typeof pred}.`);
  const p = asArray("lax.cond: pred", pred);
  if (p.ndim !== 0)
    throw new WeftTypeError(
      `lax.cond: Pred must be a scalar, got ${p.aval} of shape (${p.shape.join(", ")}).`,
    );
  return p;
}

interface BranchNames {
  readonly what: string;
  /** What errors call each branch. */
  readonly names: readonly string[];
  /** The branch that errors compare the others with. */
  readonly first: number;
}

function runBranches(
  index: NDArray,
  fns: readonly UserFunction[],
  operands: readonly unknown[],
  names: BranchNames,
): unknown {
  const flat = operands.map((o, i) => arrayLeaves(o, { where: `lax.${names.what}: operand ${i}` }));
  const leaves = flat.flatMap(([l]) => l);
  const inTrees = flat.map(([, def]) => def);
  // A traced index, one per lane of a vmap for example, leaves the choice to the primitive.
  if (fns.length === 1 || (isStepwise() && !(index instanceof Tracer))) {
    const chosen = fns[fns.length === 1 ? 0 : index.dataSync()[0]!]!;
    return asArrays(chosen(...unflattenAll(inTrees, leaves)));
  }
  const traced = traceBranches(
    fns,
    names,
    inTrees,
    leaves.map((x) => x.aval),
  );
  checkBranches(traced, names);
  const { branches, consts } = mergeConsts(traced);
  const outs = condPrimitive.bind([index, ...consts, ...leaves], { branches });
  return tree.unflatten(traced[names.first]!.outTree, outs);
}

/** The branches recorded; where one returns a plain number, it becomes what the others return there. */
function traceBranches(
  fns: readonly UserFunction[],
  { what, names }: BranchNames,
  inTrees: readonly tree.TreeDef[],
  avals: readonly ShapedArray[],
): TracedBody[] {
  const trace = (k: number, likes: readonly Promoted[] = []): TracedBody =>
    traceBody(`lax.${what}: the result of ${names[k]}`, fns[k]!, inTrees, avals, (r) => r, likes);
  const traced = fns.map((_, k) => trace(k));
  const [first, ...others] = traced as [TracedBody, ...TracedBody[]];
  if (others.some((b) => b.outTree !== first.outTree)) return traced;
  const types = first.jaxpr.outAvals.map((_, i) => promote(traced.map((b) => b.jaxpr.outAvals[i]!)));
  const isSettled = (b: TracedBody): boolean =>
    b.numbers.every((number, i) => !number || b.jaxpr.outAvals[i]!.dtype === types[i]!.dtype);
  return traced.map((b, k) => (isSettled(b) ? b : trace(k, types)));
}

function checkBranches(traced: readonly TracedBody[], { what, names, first }: BranchNames): void {
  const a = traced[first]!;
  traced.forEach((b, k) => {
    if (a.outTree !== b.outTree) throw branchTreeError(what, names[first]!, names[k]!, a, b);
    const i = a.jaxpr.outAvals.findIndex((type, n) => !typeMatch(type, b.jaxpr.outAvals[n]!));
    if (i >= 0) throw branchTypeError(what, names[first]!, names[k]!, a, b, i);
  });
}

function branchTypeError(
  what: string,
  nameA: string,
  nameB: string,
  a: TracedBody,
  b: TracedBody,
  i: number,
): WeftTypeError {
  const [typeA, typeB] = [a.jaxpr.outAvals[i]!, b.jaxpr.outAvals[i]!];
  const path = a.outTree.paths()[i]!;
  const at = path.length ? ` at path ${tree.keystr(path)}` : "";
  const why = typeA.dtype !== typeB.dtype ? "the dtypes do not match" : "the shapes do not match";
  return new WeftTypeError(
    `${what} branches must have equal output types but they differ.\n\n` +
      `The output of ${nameA}${at} has type ${typeA} but the corresponding output of ${nameB} has type ${typeB}, so ${why}.\n\n` +
      `Revise ${nameA} and/or ${nameB} so that all output types match.`,
  );
}

function branchTreeError(
  what: string,
  nameA: string,
  nameB: string,
  a: TracedBody,
  b: TracedBody,
): WeftTypeError {
  const diffs = tree.equalityErrors(a.outTree, b.outTree).map((e) => {
    const at = e.path.length ? ` at path ${tree.keystr(e.path)}` : "";
    return `${nameA} output${at} is ${e.whatA} but ${nameB} output${at} is ${e.whatB}, so ${e.explanation}.`;
  });
  return new WeftTypeError(
    `${what} branch outputs must have the same pytree structure, but they differ:\n\n${diffs.join("\n")}\n\n` +
      `Revise ${nameA} and/or ${nameB} so that they have the same pytree structure.`,
  );
}
