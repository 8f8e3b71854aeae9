/** What scan, while and cond share: tracing user functions over trees, and rearranging the jaxprs of their bodies. */
import type { ArrayLike, NDArray } from "../../core/array.ts";
import type { ShapedArray } from "../../core/aval.ts";
import { type Promoted, promote } from "../../core/dtype.ts";
import { ConcretizationTypeError, WeftTypeError } from "../../core/errors.ts";
import { type Atom, Jaxpr, Var } from "../../core/jaxpr.ts";
import type { MaybeZero } from "../../core/primitive.ts";
import { type Staged, stage } from "../../core/stage.ts";
import { instantiate } from "../../transforms/zero.ts";
import * as tree from "../../tree/index.ts";
import { isCallable, show } from "../../util/text.ts";
import { pick, splitAt } from "../../util/zip.ts";
import { convertTo } from "../cast.ts";
import { asCarry, isNumber } from "../convert.ts";
import { arrayLeaves } from "../leaves.ts";

/** @throws WeftTypeError that says what was expected unless all can be called */
export function checkCallables(expected: string, ...fs: readonly unknown[]): void {
  const at = fs.findIndex((f) => !isCallable(f));
  if (at >= 0) throw new WeftTypeError(`${expected} Got ${show(fs[at])}.`);
}

// biome-ignore lint/suspicious/noExplicitAny: user functions take and return trees whose types the public signatures state
export type UserFunction = (...args: any[]) => unknown;

/** A user function recorded on the leaves of its arguments. */
export interface TracedBody {
  /** (constants…, leaves of the arguments…) → leaves of the result */
  readonly jaxpr: Jaxpr;
  readonly consts: NDArray[];
  readonly outTree: tree.TreeDef;
  readonly out: unknown;
  /** Which leaves of the result are plain numbers. */
  readonly numbers: readonly boolean[];
}

/**
 * Records `f` applied to trees whose leaves have these types. `finish` turns the user's result into the tree of outputs, of
 * which plain numbers take the types of `likes`, see {@link bodyOutput}.
 */
export function traceBody(
  what: string,
  f: UserFunction,
  inTrees: readonly tree.TreeDef[],
  avals: readonly ShapedArray[],
  finish: (result: unknown) => unknown = (r) => r,
  likes: readonly Promoted[] = [],
): TracedBody {
  let outTree: tree.TreeDef | undefined;
  let out: unknown;
  let numbers: boolean[] = [];
  const { jaxpr, consts } = stage((leaves) => {
    out = finish(f(...unflattenAll(inTrees, leaves)));
    const [outLeaves, def] = arrayLeaves(out, { where: what });
    outTree = def;
    numbers = outLeaves.map(isNumber);
    return outLeaves.map((x, i) => bodyOutput(x, likes[i]));
  }, avals);
  return { jaxpr, consts, outTree: outTree!, out, numbers };
}

/**
 * What a body returns as an array. A plain number becomes like what it is to replace if that holds it (an integer beside a
 * float, say), else what it would be as a carry.
 */
export function bodyOutput(x: ArrayLike, like: Promoted | undefined): NDArray {
  const own = asCarry("lax.bodyOutput: x", x);
  if (!like || !isNumber(x) || promote([like, own]).dtype !== like.dtype) return own;
  return convertTo(x, like);
}

/** Consecutive leaves as trees of these structures. */
export function unflattenAll(defs: readonly tree.TreeDef[], leaves: readonly NDArray[]): unknown[] {
  let start = 0;
  return defs.map((def) => tree.unflatten(def, leaves.slice(start, (start += def.numLeaves))));
}

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
  return typeof value === "number" ? value : Number.NaN;
}

function concreteItem(x: NDArray, message: string): number {
  try {
    return x.dataSync()[0]!;
  } catch (cause) {
    throw new ConcretizationTypeError(message, { cause });
  }
}
