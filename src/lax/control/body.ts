/** What scan, while and cond share: tracing user functions over trees, and rearranging the jaxprs of their bodies. */
import { type NDArray, scalar } from "../../core/array.ts";
import type { ShapedArray } from "../../core/aval.ts";
import { ConcretizationTypeError } from "../../core/errors.ts";
import { type Atom, Jaxpr, Var } from "../../core/jaxpr.ts";
import type { MaybeZero } from "../../core/primitive.ts";
import { type Staged, stage } from "../../core/stage.ts";
import { instantiate } from "../../transforms/zero.ts";
import * as tree from "../../tree/index.ts";
import { splitAt } from "../../util/zip.ts";
import { asArray } from "../convert.ts";

export { splitAt };

// biome-ignore lint/suspicious/noExplicitAny: user functions take and return trees whose types the public signatures state
export type UserFunction = (...args: any[]) => unknown;

/** A user function recorded on the leaves of its arguments. */
export interface TracedBody {
  /** (constants…, leaves of the arguments…) → leaves of the result */
  readonly jaxpr: Jaxpr;
  readonly consts: NDArray[];
  readonly outTree: tree.TreeDef;
  readonly out: unknown;
}

/** Records `f` applied to trees whose leaves have these types. `finish` turns the user's result into the tree of outputs. */
export function traceBody(
  f: UserFunction,
  inTrees: readonly tree.TreeDef[],
  avals: readonly ShapedArray[],
  finish: (result: unknown) => unknown = (r) => r,
): TracedBody {
  let outTree: tree.TreeDef | undefined;
  let out: unknown;
  const { jaxpr, consts } = stage((leaves) => {
    out = finish(f(...unflattenAll(inTrees, leaves)));
    const [outLeaves, def] = tree.flatten(out);
    outTree = def;
    return outLeaves.map((x) => asArray(x as NDArray));
  }, avals);
  return { jaxpr, consts, outTree: outTree!, out };
}

/** Consecutive leaves as trees of these structures. */
export function unflattenAll(defs: readonly tree.TreeDef[], leaves: readonly NDArray[]): unknown[] {
  let start = 0;
  return defs.map((def) => tree.unflatten(def, leaves.slice(start, (start += def.numLeaves))));
}

/**
 * A leaf of an initial carry. A plain integer is weakly int32, as a Python int is, so that counters stay integers; the
 * weak-type promotion of loops turns it into whatever the body makes of it.
 */
export const carryLeaf = (x: unknown): NDArray =>
  typeof x === "number" && Number.isInteger(x) && Math.abs(x) < 2 ** 31
    ? scalar(x, "int32", true)
    : asArray(x as NDArray);

/** A jaxpr with its inputs and outputs in another order. */
export function rearrange(
  jaxpr: Jaxpr,
  inOrder: (ins: readonly Var[]) => Var[],
  outOrder: (outs: readonly Atom[]) => Atom[],
): Jaxpr {
  return new Jaxpr(inOrder(jaxpr.invars), jaxpr.eqns, outOrder(jaxpr.outs));
}

/** Gives branches the same leading constants, each value once. */
export function mergeConsts(staged: readonly Pick<Staged, "jaxpr" | "consts">[]): {
  branches: Jaxpr[];
  consts: NDArray[];
} {
  const consts = [...new Set(staged.flatMap((s) => s.consts))];
  const branches = staged.map((s) =>
    rearrange(
      s.jaxpr,
      (ins) => {
        const [own, rest] = splitAt(ins, s.consts.length);
        return [...consts.map((c) => own![s.consts.indexOf(c)] ?? new Var(c.aval)), ...rest!];
      },
      (outs) => [...outs],
    ),
  );
  return { branches, consts };
}

/** The entries at which `mask` is true, and those at which it is false. */
export const pick = <T>(list: readonly T[], mask: readonly boolean[]): T[] => list.filter((_, i) => mask[i]);
export const drop = <T>(list: readonly T[], mask: readonly boolean[]): T[] => list.filter((_, i) => !mask[i]);

export const countTrue = (mask: readonly boolean[]): number => mask.filter(Boolean).length;
export const none = (list: readonly unknown[]): boolean[] => list.map(() => false);
export const all = (list: readonly unknown[]): boolean[] => list.map(() => true);

/** The tangents (or cotangents) that a mask says are not zero, as arrays. */
export const nonzeros = (list: readonly MaybeZero[], mask: readonly boolean[]): NDArray[] =>
  pick(list, mask).map(instantiate);

/**
 * Least fixpoint over a mask: makes something for a mask and, as long as what was made asks for more, makes it again for the
 * union. Ends because masks only grow.
 */
export function fixpoint<T>(
  start: readonly boolean[],
  make: (mask: boolean[]) => T,
  asks: (made: T) => readonly boolean[],
): [mask: boolean[], made: T] {
  let mask = [...start];
  for (;;) {
    const made = make(mask);
    const wanted = asks(made);
    const union = mask.map((m, i) => m || wanted[i]!);
    if (union.every((m, i) => m === mask[i])) return [mask, made];
    mask = union;
  }
}

/** A JavaScript integer from an argument that must not be traced. */
export function concreteInt(x: unknown, message: string): number {
  const value =
    typeof x === "object" && x !== null && "item" in x ? concreteItem(x as unknown as NDArray, message) : x;
  return Number(value);
}

function concreteItem(x: NDArray, message: string): number {
  try {
    return x.dataSync()[0]!;
  } catch (cause) {
    throw new ConcretizationTypeError(message, { cause });
  }
}
