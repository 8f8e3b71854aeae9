import type { NDArray } from "../../core/array.ts";
import type { ShapedArray } from "../../core/aval.ts";
import type { MappedAxis } from "../../core/axes.ts";
import { isFloat } from "../../core/dtype.ts";
import { assert } from "../../core/errors.ts";
import { type Eqn, type Jaxpr, Var } from "../../core/jaxpr.ts";
import {
  definePrimitive,
  Linear,
  type MaybeZero,
  type PartialEvalStage,
  type Primitive,
  Zero,
} from "../../core/primitive.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { batchJaxpr, moveBatchAxis } from "../../transforms/batch.ts";
import { dceJaxpr } from "../../transforms/dce.ts";
import { jvpJaxpr } from "../../transforms/jvp.ts";
import { type PartialJaxpr, partialEvalJaxpr } from "../../transforms/partial-eval.ts";
import { transposeJaxpr } from "../../transforms/transpose.ts";
import { instantiate, isZero } from "../../transforms/zero.ts";
import { filled, merged, pick, splitAt } from "../../util/zip.ts";
import { clamp, eq, select, stopGradient } from "../elementwise.ts";
import { broadcastInDim } from "../shape.ts";
import { mergeConsts, none, nonzeros, rearrange } from "./body.ts";

/** Operands are (index, …operands of the branches); all branches take and return the same types. */
export interface CondParams extends Record<string, unknown> {
  readonly branches: readonly Jaxpr[];
}

const either = (masks: readonly boolean[][]): boolean[] => masks[0]!.map((_, i) => masks.some((m) => m[i]));

/** The derivative carries the tangents that are non-zero in any branch. */
function condJvp(
  [index, ...primals]: NDArray[],
  [, ...tangents]: MaybeZero[],
  p: CondParams,
): [NDArray[], MaybeZero[]] {
  const nonzero = tangents.map((t) => !isZero(t));
  const nzOut = either(p.branches.map((b) => jvpJaxpr(b, nonzero, none(b.outs)).nonzeroOut));
  const { branches, consts } = mergeConsts(p.branches.map((b) => jvpJaxpr(b, nonzero, nzOut)));
  const outs = condPrimitive.bind([index!, ...consts, ...primals, ...nonzeros(tangents, nonzero)], {
    branches,
  });
  const [values, outT] = splitAt(outs, nzOut.length);
  return [values!, filled(nzOut, outT!, (i) => new Zero(values![i]!.aval))];
}

/** With a known index the known part of the chosen branch runs now; branches share residual slots of equal types. */
function condPartialEval(trace: PartialEvalStage, args: NDArray[], p: CondParams): NDArray[] {
  const [index, ...operands] = args as [NDArray, ...NDArray[]];
  if (!trace.isKnown(index)) return trace.stage(condPrimitive, args, p);
  const unknown = operands.map((x) => !trace.isKnown(x));
  const unknownOut = either(p.branches.map((b) => partialEvalJaxpr(b, unknown, none(b.outs)).unknownOut));
  const parts = p.branches.map((b) => partialEvalJaxpr(b, unknown, unknownOut));
  const { slots, slotOf } = residualSlots(parts);
  const numKnown = unknownOut.filter((u) => !u).length;
  const outs = trace.run(() =>
    condPrimitive.bind([index, ...operands.filter((_, i) => !unknown[i])], {
      branches: parts.map((b, k) => knownBranch(b.known, numKnown, slots, slotOf[k]!)),
    }),
  );
  const [knownOuts, residuals] = splitAt(outs, numKnown);
  const branches = parts.map((b, k) => stagedBranch(b.staged, slots, slotOf[k]!));
  const staged = trace.stage(
    condPrimitive,
    [index, ...residuals!, ...operands.filter((_, i) => unknown[i])],
    { branches },
  );
  return merged(unknownOut, staged, knownOuts!);
}

/** Assigns each branch's residuals to shared slots by type, so that the number of slots is that of the largest need. */
function residualSlots(parts: readonly PartialJaxpr[]): { slots: ShapedArray[]; slotOf: number[][] } {
  const slots: ShapedArray[] = [];
  const slotOf = parts.map((b) => {
    const used = new Set<number>();
    return b.staged.inAvals.slice(0, b.numResiduals).map((type) => {
      let slot = slots.findIndex((s, i) => s === type && !used.has(i));
      if (slot < 0) slot = slots.push(type) - 1;
      used.add(slot);
      return slot;
    });
  });
  return { slots, slotOf };
}

/** Residuals go to their slots; slots of other branches are filled with zeros. */
const knownBranch = (known: Jaxpr, numKnown: number, slots: ShapedArray[], slotOf: number[]): Jaxpr =>
  stage((args) => {
    const [outs, residuals] = splitAt(evalJaxpr(known, args), numKnown);
    const filled = slots.map((type, s) => residuals![slotOf.indexOf(s)] ?? instantiate(new Zero(type)));
    return [...outs!, ...filled];
  }, known.inAvals).jaxpr;

function stagedBranch(staged: Jaxpr, slots: ShapedArray[], slotOf: number[]): Jaxpr {
  return rearrange(
    staged,
    (ins) => {
      const [res, rest] = splitAt(ins, slotOf.length);
      return [...slots.map((type, s) => res![slotOf.indexOf(s)] ?? new Var(type)), ...rest!];
    },
    (outs) => [...outs],
  );
}

/** An operand that no branch needs has no cotangent: zeros would become NaN where its derivative is infinite. */
function condTranspose(cts: MaybeZero[], inputs: (NDArray | Linear)[], p: CondParams): (MaybeZero | null)[] {
  const [index, ...operands] = inputs;
  assert(index && !(index instanceof Linear), "cond is not linear in its index.");
  const linear = operands.map((x) => x instanceof Linear);
  const nonzero = cts.map((ct) => !isZero(ct));
  const noneOf = none(pick(linear, linear));
  const needed = either(p.branches.map((b) => transposeJaxpr(b, linear, nonzero, noneOf).nonzero));
  const { branches, consts } = mergeConsts(p.branches.map((b) => transposeJaxpr(b, linear, nonzero, needed)));
  const values = operands.filter((x): x is NDArray => !(x instanceof Linear));
  const outs = condPrimitive.bind([index, ...consts, ...values, ...nonzeros(cts, nonzero)], { branches });
  const types = operands.filter((x) => x instanceof Linear).map((x) => x.aval);
  const results: MaybeZero[] = filled(needed, outs, (i) => new Zero(types[i]!));
  return [null, ...filled(linear, results, () => null)];
}

/** One index for all lanes keeps the branch; an index per lane runs every branch on all lanes and selects. */
function condBatch(
  args: NDArray[],
  dims: (number | null)[],
  p: CondParams,
  axis: MappedAxis,
): [NDArray[], (number | null)[]] {
  const [index, ...operands] = args.map((x, i) =>
    dims[i] === null ? x : moveBatchAxis(x, dims[i]!, 0, axis.size),
  );
  const batched = dims.slice(1).map((d) => d !== null);
  if (dims[0] !== null) return condBatchedIndex(index!, operands, batched, p, axis);
  const outB = either(p.branches.map((b) => batchJaxpr(b, axis, batched, none(b.outs)).batchedOut));
  const branches = p.branches.map((b) => batchJaxpr(b, axis, batched, outB).jaxpr);
  return [condPrimitive.bind([index!, ...operands], { branches }), outB.map((b) => (b ? 0 : null))];
}

/**
 * x, through which lanes that take another branch get no cotangent: the derivative of a branch need not be finite where the
 * branch is not taken, and 0 times infinity would reach x as NaN.
 */
const keepGradient = (taken: NDArray, x: NDArray): NDArray =>
  isFloat(x.dtype) ? select(broadcastInDim(taken, x.shape, [0]), x, stopGradient(x)) : x;

function condBatchedIndex(
  index: NDArray,
  operands: NDArray[],
  batched: boolean[],
  p: CondParams,
  axis: MappedAxis,
): [NDArray[], (number | null)[]] {
  const all = p.branches[0]!.outs.map(() => true);
  const clamped = clamp(0, index, p.branches.length - 1);
  const results = p.branches.map((b, k) => {
    const chosen = operands.map((x, i) => (batched[i] ? keepGradient(eq(clamped, k), x) : x));
    return evalJaxpr(batchJaxpr(b, axis, batched, all).jaxpr, chosen);
  });
  const outs = results.reduce((chosen, outsOfBranch, k) =>
    chosen.map((x, i) => select(broadcastInDim(eq(clamped, k), x.shape, [0]), outsOfBranch[i]!, x)),
  );
  return [outs, outs.map(() => 0)];
}

/** Unused outputs go from every branch; an operand stays while one branch uses it. */
function condDce(usedOuts: boolean[], eqn: Eqn): [boolean[], Eqn | null] {
  const { branches } = eqn.params as CondParams;
  const used = either(branches.map((b) => dceJaxpr(b, usedOuts).usedIns));
  const usedIns = [true, ...used];
  return [
    usedIns,
    {
      ...eqn,
      inputs: eqn.inputs.filter((_, i) => usedIns[i]),
      outputs: eqn.outputs.filter((_, i) => usedOuts[i]),
      params: { branches: branches.map((b) => dceJaxpr(b, usedOuts, used).jaxpr) },
    },
  ];
}

/** `jax.lax.cond_p`: runs one of several branches. */
export const condPrimitive: Primitive<CondParams> = definePrimitive<CondParams>({
  name: "cond",
  kind: "branch",
  abstractEval: (_, p) => p.branches[0]!.outAvals,
  jvp: condJvp,
  transpose: condTranspose,
  batch: (args, dims, p, _, axis) => condBatch(args, dims, p, axis),
  partialEval: condPartialEval,
  dce: condDce,
  lower: (emit, [index, ...args], p) => emit.switch(index!, p.branches, args),
});
