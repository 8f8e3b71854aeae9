import type { NDArray } from "../../core/array.ts";
import { aval, type ShapedArray } from "../../core/aval.ts";
import type { MappedAxis } from "../../core/axes.ts";
import { type Eqn, Jaxpr, type Var } from "../../core/jaxpr.ts";
import type { LoopParams } from "../../core/loop.ts";
import type { Emitter, Operand } from "../../core/lowering.ts";
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
import { type JvpJaxpr, jvpJaxpr } from "../../transforms/jvp.ts";
import { type PartialJaxpr, partialEvalJaxpr } from "../../transforms/partial-eval.ts";
import { recomputeCheap, repeats } from "../../transforms/recompute.ts";
import { transposeJaxpr } from "../../transforms/transpose.ts";
import { addTangents, instantiate, isZero } from "../../transforms/zero.ts";
import { filled, merged } from "../../util/zip.ts";
import { countTrue, drop, fixpoint, none, nonzeros, pick, rearrange, splitAt } from "./body.ts";

export type ScanParams = LoopParams;

/** Operands, or anything per operand, in the three groups of a scan. */
const groups = <T>(list: readonly T[], p: ScanParams): [consts: T[], carry: T[], xs: T[]] =>
  splitAt(list, p.numConsts, p.numCarry) as [T[], T[], T[]];

const ysAval = (length: number, y: ShapedArray): ShapedArray =>
  aval([length, ...y.shape], y.dtype, y.weakType);

/** Carries go out as the body makes them: strongly typed also where the initial one is weak. */
function scanAbstractEval(_: ShapedArray[], p: ScanParams): ShapedArray[] {
  return p.jaxpr.outAvals.map((y, i) => (i < p.numCarry ? y : ysAval(p.length, y)));
}

/** A mask that is false for every y. */
const noYs = (p: ScanParams): boolean[] => none(p.jaxpr.outs.slice(p.numCarry));

/** The derivative of a scan is one scan whose carry holds primals and those tangents that can be non-zero. */
function scanJvp(primals: NDArray[], tangents: MaybeZero[], p: ScanParams): [NDArray[], MaybeZero[]] {
  const [constNz, initNz, xsNz] = groups(
    tangents.map((t) => !isZero(t)),
    p,
  );
  const [carryNz, body] = fixpoint(
    initNz,
    (carry) => jvpJaxpr(p.jaxpr, [...constNz, ...carry, ...xsNz], [...carry, ...noYs(p)]),
    (made) => made.nonzeroOut,
  );
  const [numConstT, numCarryT] = [countTrue(constNz), countTrue(carryNz)];
  const [consts, init, xs] = groups(primals, p);
  const [constT, initT, xsT] = groups(tangents, p);
  const outs = scanPrimitive.bind(
    [
      ...[...body.consts, ...consts, ...nonzeros(constT, constNz)],
      ...[...init, ...nonzeros(initT, carryNz)],
      ...[...xs, ...nonzeros(xsT, xsNz)],
    ],
    {
      ...p,
      jaxpr: interleaved(body, p, numConstT, numCarryT),
      numConsts: body.consts.length + p.numConsts + numConstT,
      numCarry: p.numCarry + numCarryT,
    },
  );
  const [carry, carryT, ys, ysT] = splitAt(outs, p.numCarry, numCarryT, p.jaxpr.outs.length - p.numCarry);
  const outTangents = [...carryT!, ...ysT!];
  const results = [...carry!, ...ys!];
  return [results, filled(body.nonzeroOut, outTangents, (i) => new Zero(results[i]!.aval))];
}

/** A jvp body takes primals, then tangents; as the body of a scan it takes consts, carry and xs, each with its tangents. */
function interleaved(jvp: JvpJaxpr, p: ScanParams, numConstT: number, numCarryT: number): Jaxpr {
  const numXs = p.jaxpr.invars.length - p.numConsts - p.numCarry;
  return rearrange(
    jvp.jaxpr,
    (ins) => {
      const numConsts = jvp.consts.length + p.numConsts;
      const [c, s, x, ct, st, xt] = splitAt(ins, numConsts, p.numCarry, numXs, numConstT, numCarryT);
      return [...c!, ...ct!, ...s!, ...st!, ...x!, ...xt!];
    },
    (outs) => {
      const [s, y, st, yt] = splitAt(outs, p.numCarry, p.jaxpr.outs.length - p.numCarry, numCarryT);
      return [...s!, ...st!, ...y!, ...yt!];
    },
  );
}

/**
 * Known carries run now in a scan that also stores residuals; the rest is staged. A residual that is a constant, an xs or
 * a y that is stored anyway is passed on as it is; what depends on constants only is computed once before the loop, and
 * what is cheap is computed again.
 */
function scanPartialEval(trace: PartialEvalStage, args: NDArray[], p: ScanParams): NDArray[] {
  const [constUnk, initUnk, xsUnk] = groups(
    args.map((x) => !trace.isKnown(x)),
    p,
  );
  const [carryUnk, whole] = fixpoint(
    initUnk,
    (carry) => partialEvalJaxpr(p.jaxpr, [...constUnk, ...carry, ...xsUnk], [...carry, ...noYs(p)]),
    (made) => made.unknownOut,
  );
  // Constants and xs are there anyway; a carry would have to be stored.
  const start = drop(constUnk, constUnk).length;
  const end = start + drop(carryUnk, carryUnk).length;
  const parts = recomputeCheap(
    whole,
    whole.known.invars.map((_, i) => i < start || i >= end),
  );
  const [consts, init, xs] = groups(args, p);
  const forward = trace.run(() =>
    runKnownScan(parts, drop(consts, constUnk), drop(init, carryUnk), drop(xs, xsUnk), p),
  );
  const rest = { consts: pick(consts, constUnk), init: pick(init, carryUnk), xs: pick(xs, xsUnk) };
  const staged = stageRest(trace, parts.staged, forward.residuals, rest, p);
  return merged(parts.unknownOut, staged, forward.outs);
}

/** Stages the unknown part: residuals that are the same in every iteration are constants of it, the others are xs. */
function stageRest(
  trace: PartialEvalStage,
  jaxpr: Jaxpr,
  residuals: readonly Residual[],
  { consts, init, xs }: { consts: NDArray[]; init: NDArray[]; xs: NDArray[] },
  p: ScanParams,
): NDArray[] {
  const isConst = residuals.map((r) => r.loopInvariant);
  const values = residuals.map((r) => r.value);
  const body = rearrange(
    jaxpr,
    (ins) => {
      const [res, c, s, x] = splitAt(ins, residuals.length, consts.length, init.length);
      return [...pick(res!, isConst), ...c!, ...s!, ...x!, ...drop(res!, isConst)];
    },
    (outs) => [...outs],
  );
  return trace.stage(
    scanPrimitive,
    [...pick(values, isConst), ...consts, ...init, ...xs, ...drop(values, isConst)],
    { ...p, jaxpr: body, numConsts: countTrue(isConst) + consts.length, numCarry: init.length },
  );
}

interface Residual {
  readonly value: NDArray;
  /** One value for all iterations, or one per iteration along a leading axis. */
  readonly loopInvariant: boolean;
}

/** Runs the known part of a scan and delivers its outputs and residuals, storing nothing twice. */
function runKnownScan(
  { known: body, numResiduals }: PartialJaxpr,
  consts: NDArray[],
  init: NDArray[],
  xs: NDArray[],
  p: ScanParams,
): { outs: NDArray[]; residuals: Residual[] } {
  const numOuts = body.outs.length - numResiduals;
  const { jaxpr, hoisted, invariants } = hoistInvariants(body, consts, init.length, xs.length, numOuts);
  const resAtoms = jaxpr.outs.slice(numOuts);
  const [, , xVars] = splitAt(jaxpr.invars, hoisted.length, init.length);
  // Where a stacked residual can be found without storing it again: as an xs, or among the outputs already stored.
  const stored = jaxpr.outs.slice(0, numOuts);
  const sources = resAtoms.map((a) => {
    const x = xVars!.indexOf(a as Var);
    const y = stored.indexOf(a, init.length);
    if (x < 0 && y < 0) stored.push(a);
    return { x, out: y < 0 ? stored.length - 1 : y };
  });
  const outs = bindUseful([...hoisted, ...init, ...xs], {
    ...p,
    jaxpr: new Jaxpr(jaxpr.invars, jaxpr.eqns, stored),
    numConsts: hoisted.length,
    numCarry: init.length,
  });
  const stacked = sources.map(({ x, out }) => (x >= 0 ? xs[x]! : outs[out]!));
  const residuals = invariants.map(
    (value): Residual =>
      value === null ? { value: stacked.shift()!, loopInvariant: false } : { value, loopInvariant: true },
  );
  return { outs: outs.slice(0, numOuts), residuals };
}

/** A scan without results (all of its outputs turned out to be residuals found elsewhere) is not run. */
const bindUseful = (args: NDArray[], p: ScanParams): NDArray[] =>
  p.jaxpr.outs.length === 0 && !p.jaxpr.hasEffects ? [] : scanPrimitive.bind(args, p);

/**
 * Computes before the loop what depends on its constants only. `invariants[r]` is the value of residual r if it is among
 * that, else null; the remaining jaxpr has (hoisted…, carry…, xs…) → (outs…, other residuals…).
 */
function hoistInvariants(body: Jaxpr, consts: NDArray[], numCarry: number, numXs: number, numOuts: number) {
  const varying = [...consts.map(() => false), ...Array<boolean>(numCarry + numXs).fill(true)];
  const keepInside = body.outs.map((_, i) => i < numOuts);
  const whole = partialEvalJaxpr(body, varying, keepInside, "staged");
  const parts = recomputeCheap(
    whole,
    consts.map(() => true),
    repeats,
  );
  const values = evalJaxpr(parts.known, consts);
  const numInvariant = values.length - parts.numResiduals;
  const early = values.slice(0, numInvariant);
  const isEarly = parts.unknownOut.slice(numOuts).map((unk) => !unk);
  const invariants = filled(isEarly, early, () => null);
  return { jaxpr: parts.staged, hoisted: values.slice(numInvariant), invariants };
}

/**
 * The transpose runs the other way: its carry is (cotangents of constants, cotangents of carry), its xs are
 * (cotangents of ys, stacked residuals), its ys the cotangents of xs.
 */
function scanTranspose(cts: MaybeZero[], inputs: (NDArray | Linear)[], p: ScanParams): (MaybeZero | null)[] {
  const linear = inputs.map((x) => x instanceof Linear);
  const [constLin, , xsLin] = groups(linear, p);
  const bodyLinear = [...constLin, ...Array<boolean>(p.numCarry).fill(true), ...xsLin];
  const [ctCarry, ctYs] = splitAt(cts, p.numCarry);
  const ysNz = ctYs!.map((ct) => !isZero(ct));
  const wantCarry = bodyLinear.flatMap((lin, i) =>
    lin ? [i >= p.numConsts && i < p.numConsts + p.numCarry] : [],
  );
  const t = transposeJaxpr(p.jaxpr, bodyLinear, [...ctCarry!.map(() => true), ...ysNz], wantCarry);

  const numLinConsts = countTrue(constLin);
  const [constNz, , xsNz] = splitAt(t.nonzero, numLinConsts, p.numCarry);
  const [consts, , xs] = groups(inputs, p);
  const resConsts = [...t.consts, ...consts.filter((c): c is NDArray => !(c instanceof Linear))];
  const resXs = xs.filter((x): x is NDArray => !(x instanceof Linear));
  const accumulated = consts
    .filter((c, i) => c instanceof Linear && constNz![linearIndex(constLin, i)])
    .map((c) => c.aval);

  const jaxpr = accumulating(t.jaxpr, resConsts.length, resXs.length, accumulated, p);
  const outs = scanPrimitive.bind(
    [
      ...resConsts,
      ...accumulated.map((a) => instantiate(new Zero(a))),
      ...ctCarry!.map(instantiate),
      ...ctYs!.filter((ct): ct is NDArray => !isZero(ct)),
      ...resXs,
    ],
    {
      ...p,
      jaxpr,
      reverse: !p.reverse,
      numConsts: resConsts.length,
      numCarry: accumulated.length + p.numCarry,
    },
  );
  const [ctConsts, ctInit, ctXs] = splitAt(outs, accumulated.length, p.numCarry);
  const take = (nz: boolean[], list: NDArray[], types: ShapedArray[]): MaybeZero[] =>
    filled(nz, list, (i) => new Zero(types[i]!));
  const linTypes = (list: (NDArray | Linear)[]): ShapedArray[] =>
    list.filter((x) => x instanceof Linear).map((x) => x.aval);
  const result = {
    consts: take(constNz!, ctConsts!, linTypes(consts)),
    xs: take(xsNz!, ctXs!, linTypes(xs)),
  };
  const isLinear = inputs.map((x) => x instanceof Linear);
  // The carry of the transposed loop has a cotangent of every carry, also of those that are known.
  const [, carryLinear] = groups(isLinear, p);
  return filled(isLinear, [...result.consts, ...pick(ctInit!, carryLinear), ...result.xs], () => null);
}

const linearIndex = (linear: boolean[], i: number): number => countTrue(linear.slice(0, i));

/**
 * Turns (resConsts…, resXs…, ctCarry…, ctYs…) → (ctConsts…, ctCarry…, ctXs…) into a scan body with accumulators:
 * (resConsts…, sums…, ctCarry…, ctYs…, resXs…) → (sums + ctConsts…, ctCarry…, ctXs…).
 */
function accumulating(
  t: Jaxpr,
  numResConsts: number,
  numResXs: number,
  sums: ShapedArray[],
  p: ScanParams,
): Jaxpr {
  const [resConsts, resXs, ctCarry, ctYs] = splitAt(t.inAvals, numResConsts, numResXs, p.numCarry);
  const sizes = [resConsts!.length, sums.length, ctCarry!.length, ctYs!.length];
  return stage(
    (args) => {
      const [rc, acc, cc, cy, rx] = splitAt(args, ...sizes);
      const outs = evalJaxpr(t, [...rc!, ...rx!, ...cc!, ...cy!]);
      return outs.map((o, i) => (i < acc!.length ? (addTangents(acc![i]!, o) as NDArray) : o));
    },
    [...resConsts!, ...sums, ...ctCarry!, ...ctYs!, ...resXs!],
  ).jaxpr;
}

/** vmap of a scan: carries that ever become batched are batched from the start; xs and ys keep time in front. */
function scanBatch(
  args: NDArray[],
  dims: (number | null)[],
  p: ScanParams,
  axis: MappedAxis,
): [NDArray[], (number | null)[]] {
  const [constB, initB, xsB] = groups(
    dims.map((d) => d !== null),
    p,
  );
  const [carryB, body] = fixpoint(
    initB,
    (carry) => batchJaxpr(p.jaxpr, axis, [...constB, ...carry, ...xsB], [...carry, ...noYs(p)]),
    (made) => made.batchedOut,
  );
  const batched = [...constB, ...carryB, ...xsB];
  const operands = args.map((x, i) =>
    batched[i] ? moveBatchAxis(x, dims[i]!, i < p.numConsts + p.numCarry ? 0 : 1, axis.size) : x,
  );
  const outs = scanPrimitive.bind(operands, { ...p, jaxpr: body.jaxpr });
  return [outs, body.batchedOut.map((b, i) => (b ? (i < p.numCarry ? 0 : 1) : null))];
}

/** Unused ys go; a carry goes when neither its final value nor any other used output depends on it. */
function scanDce(usedOuts: boolean[], eqn: Eqn): [boolean[], Eqn | null] {
  const p = eqn.params as ScanParams;
  const [usedFinal, usedYs] = splitAt(usedOuts, p.numCarry);
  const [carry, body] = fixpoint(
    usedFinal!,
    (used) => dceJaxpr(p.jaxpr, [...used, ...usedYs!], [...Array<boolean>(p.numConsts).fill(false), ...used]),
    (made) => groups(made.usedIns, p)[1],
  );
  const { usedIns } = body;
  const keep = [...carry, ...usedYs!];
  return [
    usedIns,
    {
      ...eqn,
      inputs: eqn.inputs.filter((_, i) => usedIns[i]),
      outputs: eqn.outputs.filter((_, i) => keep[i]),
      params: {
        ...p,
        jaxpr: body.jaxpr,
        numConsts: countTrue(groups(usedIns, p)[0]),
        numCarry: countTrue(carry),
      },
    },
  ];
}

function scanLower(emit: Emitter, args: Operand[], p: ScanParams): Operand[] {
  const [consts, init, xs] = groups(args, p);
  return emit.scan({ ...p, consts, init, xs });
}

/** `jax.lax.scan_p`: a counted loop with a carry, reading xs and writing ys at the iteration's index. */
export const scanPrimitive: Primitive<ScanParams> = definePrimitive<ScanParams>({
  name: "scan",
  kind: "loop",
  abstractEval: scanAbstractEval,
  jvp: scanJvp,
  transpose: scanTranspose,
  batch: (args, dims, p, _, axis) => scanBatch(args, dims, p, axis),
  partialEval: scanPartialEval,
  dce: scanDce,
  lower: scanLower,
});
