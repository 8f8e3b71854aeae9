import type { NDArray } from "../../core/array.ts";
import { aval, type ShapedArray } from "../../core/aval.ts";
import type { MappedAxis } from "../../core/axes.ts";
import { type Atom, type Eqn, Jaxpr } from "../../core/jaxpr.ts";
import { LoopInputs, type LoopParams, loopInputs, loopOutputs } from "../../core/loop.ts";
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
import { drop, filled, merged, pick, splitAt } from "../../util/zip.ts";
import { all, countTrue, fixpoint, none, nonzeros, rearrange } from "./body.ts";

export type ScanParams = LoopParams;

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
  const given = loopInputs(tangents, p);
  const nonzero = given.map((t) => !isZero(t));
  const [carryNz, body] = fixpoint(
    nonzero.carry,
    (carry) => jvpJaxpr(p.jaxpr, nonzero.withCarry(carry).flat, [...carry, ...noYs(p)]),
    (made) => made.nonzeroOut,
  );
  const ts = given.pick(nonzero.withCarry(carryNz)).map(instantiate);
  const values = loopInputs([...body.consts, ...primals], withConsts(p, body.consts.length));
  const both = values.beside(ts);
  const params = {
    ...p,
    jaxpr: interleaved(body, values.flat.length, values.sizes, ts.sizes),
    ...both.sizes,
  };
  const outs = scanPrimitive.bind(both.flat, params);
  const numYs = p.jaxpr.outs.length - p.numCarry;
  const [carry, carryT, ys, ysT] = splitAt(outs, p.numCarry, ts.carry.length, numYs);
  const results = [...carry!, ...ys!];
  const outTangents = filled(body.nonzeroOut, [...carryT!, ...ysT!], (i) => new Zero(results[i]!.aval));
  return [results, outTangents];
}

const withConsts = (p: ScanParams, more: number): ScanParams => ({ ...p, numConsts: p.numConsts + more });

type Sizes = Pick<ScanParams, "numConsts" | "numCarry">;

/** A jvp body takes primals, then tangents; as the body of a scan it takes consts, carry and xs, each with its tangents. */
function interleaved(
  { jaxpr, nonzeroOut }: JvpJaxpr,
  numPrimals: number,
  primals: Sizes,
  tangents: Sizes,
): Jaxpr {
  return rearrange(
    jaxpr,
    (ins) =>
      loopInputs(ins.slice(0, numPrimals), primals).beside(loopInputs(ins.slice(numPrimals), tangents)).flat,
    (outs) => {
      const [s, y, st, yt] = splitAt(
        outs,
        primals.numCarry,
        nonzeroOut.length - primals.numCarry,
        tangents.numCarry,
      );
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
  const given = loopInputs(args, p);
  const unknown = given.map((x) => !trace.isKnown(x));
  const [carryUnk, whole] = fixpoint(
    unknown.carry,
    (carry) => partialEvalJaxpr(p.jaxpr, unknown.withCarry(carry).flat, [...carry, ...noYs(p)]),
    (made) => made.unknownOut,
  );
  const mask = unknown.withCarry(carryUnk);
  const [known, rest] = [given.pick(mask.map((unk) => !unk)), given.pick(mask)];
  // Constants and xs are there anyway; a carry would have to be stored.
  const isThere = new LoopInputs(all(known.consts), none(known.carry), all(known.xs));
  const parts = recomputeCheap(whole, isThere.flat);
  const forward = trace.run(() => runKnownScan(parts, known, p));
  const staged = stageRest(trace, parts.staged, forward.residuals, rest, p);
  return merged(parts.unknownOut, staged, forward.outs);
}

/** Stages the unknown part: residuals that are the same in every iteration are constants of it, the others are xs. */
function stageRest(
  trace: PartialEvalStage,
  jaxpr: Jaxpr,
  residuals: readonly Residual[],
  rest: LoopInputs<NDArray>,
  p: ScanParams,
): NDArray[] {
  const isConst = residuals.map((r) => r.loopInvariant);
  const around = <T>(stored: readonly T[], own: LoopInputs<T>): LoopInputs<T> =>
    new LoopInputs([...pick(stored, isConst), ...own.consts], own.carry, [
      ...own.xs,
      ...drop(stored, isConst),
    ]);
  const body = rearrange(
    jaxpr,
    (ins) => {
      const [stored, own] = splitAt(ins, residuals.length);
      return around(stored!, loopInputs(own!, rest.sizes)).flat;
    },
    (outs) => [...outs],
  );
  const operands = around(
    residuals.map((r) => r.value),
    rest,
  );
  return trace.stage(scanPrimitive, operands.flat, { ...p, jaxpr: body, ...operands.sizes });
}

interface Residual {
  readonly value: NDArray;
  /** One value for all iterations, or one per iteration along a leading axis. */
  readonly loopInvariant: boolean;
}

/** Runs the known part of a scan and delivers its outputs and residuals, storing nothing twice. */
function runKnownScan(
  { known: body, numResiduals }: PartialJaxpr,
  known: LoopInputs<NDArray>,
  p: ScanParams,
): { outs: NDArray[]; residuals: Residual[] } {
  const numOuts = body.outs.length - numResiduals;
  const { jaxpr, hoisted, invariants } = hoistInvariants(body, known, numOuts);
  const operands = new LoopInputs(hoisted, known.carry, known.xs);
  const resAtoms = jaxpr.outs.slice(numOuts);
  const xVars: readonly Atom[] = loopInputs(jaxpr.invars, operands.sizes).xs;
  // Where a stacked residual can be found without storing it again: as an xs, or among the outputs already stored.
  const stored = jaxpr.outs.slice(0, numOuts);
  const sources = resAtoms.map((a) => {
    const x = xVars.indexOf(a);
    const y = stored.indexOf(a, known.carry.length);
    if (x < 0 && y < 0) stored.push(a);
    return { x, out: y < 0 ? stored.length - 1 : y };
  });
  const outs = bindUseful(operands.flat, {
    ...p,
    jaxpr: new Jaxpr(jaxpr.invars, jaxpr.eqns, stored),
    ...operands.sizes,
  });
  const stacked = sources.map(
    ({ x, out }): Residual => ({ value: x >= 0 ? known.xs[x]! : outs[out]!, loopInvariant: false }),
  );
  const isStacked = invariants.map((value) => value === null);
  const residuals = filled(
    isStacked,
    stacked,
    (i): Residual => ({ value: invariants[i]!, loopInvariant: true }),
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
function hoistInvariants(body: Jaxpr, { consts, carry, xs }: LoopInputs<NDArray>, numOuts: number) {
  const varying = [...none(consts), ...all(carry), ...all(xs)];
  const keepInside = body.outs.map((_, i) => i < numOuts);
  const whole = partialEvalJaxpr(body, varying, keepInside, "staged");
  const parts = recomputeCheap(whole, all(consts), repeats);
  const values = evalJaxpr(parts.known, [...consts]);
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
  const given = loopInputs(inputs, p);
  const linear = given.map((x) => x instanceof Linear);
  const bodyLinear = linear.withCarry(all(linear.carry));
  const out = loopOutputs(cts, p);
  const ysNz = out.ys.map((ct) => !isZero(ct));
  // The cotangents of carries are wanted, whatever they are: they are the carry.
  const wanted = new LoopInputs(none(linear.consts), all(linear.carry), none(linear.xs)).pick(bodyLinear);
  const t = transposeJaxpr(p.jaxpr, bodyLinear.flat, [...all(out.carry), ...ysNz], wanted.flat);

  const types = given.pick(bodyLinear).map((x) => x.aval);
  const nonzero = loopInputs(t.nonzero, types.sizes);
  const known = (list: readonly (NDArray | Linear)[]): NDArray[] =>
    list.filter((x): x is NDArray => !(x instanceof Linear));
  const resConsts = [...t.consts, ...known(given.consts)];
  const resXs = known(given.xs);
  const sums = pick(types.consts, nonzero.consts);
  const operands = new LoopInputs<NDArray>(
    resConsts,
    [...sums.map((type) => instantiate(new Zero(type))), ...out.carry.map(instantiate)],
    [...nonzeros(out.ys, ysNz), ...resXs],
  );
  const jaxpr = accumulating(t.jaxpr, resConsts.length, resXs.length, sums, p);
  const outs = scanPrimitive.bind(operands.flat, { ...p, jaxpr, reverse: !p.reverse, ...operands.sizes });

  const [ofConsts, ofCarry, ofXs] = splitAt(outs, sums.length, p.numCarry);
  const orZero = (nz: readonly boolean[], list: NDArray[], of: readonly ShapedArray[]): MaybeZero[] =>
    filled(nz, list, (i) => new Zero(of[i]!));
  // The transposed loop has a cotangent of every carry, also of those that are known.
  const found = [
    ...orZero(nonzero.consts, ofConsts!, types.consts),
    ...pick(ofCarry!, linear.carry),
    ...orZero(nonzero.xs, ofXs!, types.xs),
  ];
  return filled(linear.flat, found, () => null);
}

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
  const mapped = loopInputs(dims, p).map((d) => d !== null);
  const [carryB, body] = fixpoint(
    mapped.carry,
    (carry) => batchJaxpr(p.jaxpr, axis, mapped.withCarry(carry).flat, [...carry, ...noYs(p)]),
    (made) => made.batchedOut,
  );
  const batched = mapped.withCarry(carryB).flat;
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
    (made) => loopInputs(made.usedIns, p).carry,
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
        numConsts: countTrue(loopInputs(usedIns, p).consts),
        numCarry: countTrue(carry),
      },
    },
  ];
}

function scanLower(emit: Emitter, args: Operand[], p: ScanParams): Operand[] {
  const { consts, carry, xs } = loopInputs(args, p);
  return emit.scan({ ...p, consts, init: carry, xs });
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
