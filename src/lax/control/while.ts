import type { NDArray } from "../../core/array.ts";
import { aval, type ShapedArray } from "../../core/aval.ts";
import type { MappedAxis } from "../../core/axes.ts";
import { WeftTypeError } from "../../core/errors.ts";
import { Jaxpr, Var } from "../../core/jaxpr.ts";
import type { WhileParams } from "../../core/loop.ts";
import type { Emitter, Operand } from "../../core/lowering.ts";
import {
  definePrimitive,
  type MaybeZero,
  type PartialEvalStage,
  type Primitive,
  Zero,
} from "../../core/primitive.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { batchJaxpr, moveBatchAxis } from "../../transforms/batch.ts";
import { dceJaxpr } from "../../transforms/dce.ts";
import { jvpJaxpr } from "../../transforms/jvp.ts";
import { partialEvalJaxpr } from "../../transforms/partial-eval.ts";
import { isZero } from "../../transforms/zero.ts";
import type { TreeDef } from "../../tree/index.ts";
import { drop, filled, pick, splitAt } from "../../util/zip.ts";
import { select } from "../elementwise.ts";
import { reduceOr } from "../reduce.ts";
import { broadcastInDim } from "../shape.ts";
import { countTrue, fixpoint, nonzeros, rearrange } from "./body.ts";

/** Operands, or anything per operand, in the three groups of a while loop. */
const groups = <T>(list: readonly T[], p: WhileParams): [condConsts: T[], bodyConsts: T[], carry: T[]] =>
  splitAt(list, p.condNconsts, p.bodyNconsts) as [T[], T[], T[]];

/** cond must return one boolean scalar. */
export function checkCondition(outTree: TreeDef, avals: readonly ShapedArray[]): void {
  if (!outTree.isLeaf)
    throw new WeftTypeError(
      `lax.whileLoop: cond_fun must return a boolean scalar, but got pytree ${outTree}.`,
    );
  if (avals[0] !== aval([], "bool"))
    throw new WeftTypeError(
      `lax.whileLoop: cond_fun must return a boolean scalar, but got output type(s) [${avals.join(", ")}]. Compare, or reduce with np.all or np.any.`,
    );
}

/** The body's derivative carries the tangents that can become non-zero; the condition looks at primals only. */
function whileJvp(primals: NDArray[], tangents: MaybeZero[], p: WhileParams): [NDArray[], MaybeZero[]] {
  const [, constNz, initNz] = groups(
    tangents.map((t) => !isZero(t)),
    p,
  );
  const [carryNz, body] = fixpoint(
    initNz,
    (carry) => jvpJaxpr(p.bodyJaxpr, [...constNz, ...carry], carry),
    (made) => made.nonzeroOut,
  );
  const n = p.bodyJaxpr.outs.length;
  const numConstT = countTrue(constNz);
  const bodyJaxpr = rearrange(
    body.jaxpr,
    (ins) => {
      const [c, s, ct, st] = splitAt(ins, body.consts.length + p.bodyNconsts, n, numConstT);
      return [...c!, ...ct!, ...s!, ...st!];
    },
    (outs) => [...outs],
  );
  const carryTAvals = pick(p.bodyJaxpr.outAvals, carryNz);
  const condJaxpr = new Jaxpr(
    [...p.condJaxpr.invars, ...carryTAvals.map((a) => new Var(a))],
    p.condJaxpr.eqns,
    p.condJaxpr.outs,
  );
  const [condConsts, ownConsts, init] = groups(primals, p);
  const [, constT, initT] = groups(tangents, p);
  const bodyConsts = [...body.consts, ...ownConsts, ...nonzeros(constT, constNz)];
  const outs = whilePrimitive.bind([...condConsts, ...bodyConsts, ...init, ...nonzeros(initT, carryNz)], {
    condJaxpr,
    condNconsts: p.condNconsts,
    bodyJaxpr,
    bodyNconsts: bodyConsts.length,
  });
  const carryT = outs.slice(n);
  return [outs.slice(0, n), filled(carryNz, carryT, (i) => new Zero(outs[i]!.aval))];
}

/**
 * If the condition and part of the carry are known, that part runs now; the whole loop is staged for the rest and computes
 * the known part again (its length is not known beforehand, so nothing can be stored per iteration).
 */
function whilePartialEval(trace: PartialEvalStage, args: NDArray[], p: WhileParams): NDArray[] {
  const unknown = args.map((x) => !trace.isKnown(x));
  const [condUnk, constUnk, initUnk] = groups(unknown, p);
  const [carryUnk, parts] = fixpoint(
    initUnk,
    (carry) => partialEvalJaxpr(p.bodyJaxpr, [...constUnk, ...carry], carry),
    (made) => made.unknownOut,
  );
  const condParts = partialEvalJaxpr(p.condJaxpr, [...condUnk, ...carryUnk], [false]);
  const staged = trace.stage(whilePrimitive, args, p);
  if (condParts.unknownOut[0] || carryUnk.every(Boolean)) return staged;

  const numKnown = carryUnk.filter((u) => !u).length;
  const bodyOuts = parts.known.outs.map((_, i) => i < numKnown);
  const { jaxpr: bodyJaxpr } = dceJaxpr(
    parts.known,
    bodyOuts,
    parts.known.invars.map(() => true),
  );
  const [condConsts, bodyConsts, init] = groups(args, p);
  const knownOuts = trace.run(() =>
    whilePrimitive.bind(
      [...drop(condConsts, condUnk), ...drop(bodyConsts, constUnk), ...drop(init, carryUnk)],
      {
        condJaxpr: condParts.known,
        condNconsts: drop(condConsts, condUnk).length,
        bodyJaxpr,
        bodyNconsts: drop(bodyConsts, constUnk).length,
      },
    ),
  );
  return filled(
    carryUnk.map((unk) => !unk),
    knownOuts,
    (i) => staged[i]!,
  );
}

/**
 * While the condition is the same for all lanes only the carries that need it are batched. Otherwise everything is, the
 * loop runs while any lane wants to, and lanes that are done keep their values.
 */
function whileBatch(
  args: NDArray[],
  dims: (number | null)[],
  p: WhileParams,
  axis: MappedAxis,
): [NDArray[], (number | null)[]] {
  const [condB, constB, initB] = groups(
    dims.map((d) => d !== null),
    p,
  );
  const [carryB, body] = fixpoint(
    initB,
    (carry) => batchJaxpr(p.bodyJaxpr, axis, [...constB, ...carry], carry),
    (made) => made.batchedOut,
  );
  const cond = batchJaxpr(p.condJaxpr, axis, [...condB, ...carryB], [false]);
  if (cond.batchedOut[0]) return whileBatchedPredicate(args, dims, p, axis);
  const batched = [...condB, ...constB, ...carryB];
  const operands = args.map((x, i) => (batched[i] ? moveBatchAxis(x, dims[i]!, 0, axis.size) : x));
  const outs = whilePrimitive.bind(operands, { ...p, condJaxpr: cond.jaxpr, bodyJaxpr: body.jaxpr });
  return [outs, carryB.map((b) => (b ? 0 : null))];
}

function whileBatchedPredicate(
  args: NDArray[],
  dims: (number | null)[],
  p: WhileParams,
  axis: MappedAxis,
): [NDArray[], (number | null)[]] {
  const [condB, constB] = groups(
    dims.map((d) => d !== null),
    p,
  );
  const all = p.bodyJaxpr.outs.map(() => true);
  const cond = batchJaxpr(p.condJaxpr, axis, [...condB, ...all], [true]).jaxpr;
  const body = batchJaxpr(p.bodyJaxpr, axis, [...constB, ...all], all).jaxpr;
  const carryAvals = body.outAvals;
  const condAvals = cond.inAvals.slice(0, p.condNconsts);
  const constAvals = body.inAvals.slice(0, p.bodyNconsts);
  const anyLane = stage((xs) => [reduceOr(evalJaxpr(cond, xs)[0]!, [0])], cond.inAvals).jaxpr;
  // The body evaluates the condition again to know which lanes still move.
  const frozen = stage(
    (xs) => {
      const [condConsts, bodyConsts, carry] = splitAt(xs, p.condNconsts, p.bodyNconsts);
      const active = evalJaxpr(cond, [...condConsts!, ...carry!])[0]!;
      const next = evalJaxpr(body, [...bodyConsts!, ...carry!]);
      return next.map((x, i) => select(broadcastInDim(active, x.shape, [0]), x, carry![i]!));
    },
    [...condAvals, ...constAvals, ...carryAvals],
  ).jaxpr;
  const operands = args.map((x, i) =>
    i >= p.condNconsts + p.bodyNconsts || dims[i] !== null ? moveBatchAxis(x, dims[i]!, 0, axis.size) : x,
  );
  const [condConsts, bodyConsts, init] = groups(operands, p);
  const outs = whilePrimitive.bind([...condConsts, ...condConsts, ...bodyConsts, ...init], {
    condJaxpr: anyLane,
    condNconsts: p.condNconsts,
    bodyJaxpr: frozen,
    bodyNconsts: p.condNconsts + p.bodyNconsts,
  });
  return [outs, outs.map(() => 0)];
}

function whileLower(emit: Emitter, args: Operand[], p: WhileParams): Operand[] {
  const [condConsts, bodyConsts, init] = groups(args, p);
  return emit.whileLoop({ cond: p.condJaxpr, condConsts, body: p.bodyJaxpr, bodyConsts, init });
}

/** `jax.lax.while_p`: repeats its body while its condition holds. */
export const whilePrimitive: Primitive<WhileParams> = definePrimitive<WhileParams>({
  name: "while",
  kind: "loop",
  abstractEval: (_, p) => p.bodyJaxpr.outAvals,
  jvp: whileJvp,
  transpose: {
    error:
      "Reverse-mode differentiation does not work for lax.whileLoop or lax.foriLoop with dynamic start/stop values. " +
      "Try using lax.scan, or using foriLoop with static start/stop.",
  },
  batch: (args, dims, p, _, axis) => whileBatch(args, dims, p, axis),
  partialEval: whilePartialEval,
  dce: "default",
  lower: whileLower,
});
