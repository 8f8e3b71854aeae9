/**
 * Compensate: a long sum of floats is made of short ones, and what rounding takes from their total is added with the next.
 *
 *     reduce s: f32 = add(f32(0)) over (k < 4096) lanes 8 {      var sum: f32 = f32(0)
 *       yield x[k]                                               var lost: f32 = f32(0)
 *     }                                                     =>   for b < 16 {
 *                                                                  reduce part: f32 = add(f32(0)) over (k < 256) lanes 8 {
 *                                                                    yield x[256*b + k]
 *                                                                  }
 *                                                                  let x: f32 = f32.add(part, lost)
 *                                                                  let next: f32 = f32.add(sum, x)
 *                                                                  set lost = f32.sub(x, f32.sub(next, sum)), if finite
 *                                                                  set sum = next
 *                                                                }
 *                                                                let s: f32 = sum
 *
 * An accumulator that takes in n numbers one after the other is off by n/4 roundings when the numbers are alike, and stops
 * growing altogether when it is 2^24 times as large as a float32 that it takes in. Here none takes in more than {@link STEPS} numbers
 * without compensation, so the error does not depend on how many there are. Source: Blanchard, Higham & Mary, "A class of fast and accurate
 * summation algorithms", 2020, with Kahan's compensation (1965) outside of the blocks.
 *
 * Requires: lanes are there, so that the steps of an accumulator can be counted. Ensures: the same values up to rounding.
 */
import { isFloat } from "../../core/dtype.ts";
import { addAffine, constant, scaleAffine, scaledAtom } from "../ir/affine.ts";
import { constExpr, indexExpr, localExpr, newLocal, newLoopVar } from "../ir/build.ts";
import type { Affine, Expr, For, Local, LoopVar, Program, Reduce } from "../ir/nodes.ts";
import { type Block, mapStmts, renewed, substitute, substituteExpr } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { addTo, type Place } from "./support/rounding.ts";

/** Few enough for the error to be small, and enough for the blocks to cost nothing. */
const STEPS = 48;

/** @param most numbers that an accumulator takes in; sums of up to twice as many stay as they are */
export function compensate(program: Program, _target: Target, most: number = STEPS): Program {
  const body = mapStmts(program.body, (s) =>
    s.kind === "reduce" && s.fn === "add" && isFloat(s.acc.dtype) ? inBlocks(s, most) : s,
  );
  return body === program.body ? program : { ...program, body };
}

/** Steps of one accumulator along an axis. */
const stepsAlong = (s: Reduce, axis: number): number =>
  s.extents[axis]! / (axis === s.vars.length - 1 ? s.lanes : 1);

function inBlocks(s: Reduce, most: number): Reduce | Block {
  const steps = s.vars.map((_, axis) => stepsAlong(s, axis));
  if (steps.reduce((n, m) => n * m, 1) <= 2 * most) return s;
  let [axis, inside] = [steps.length - 1, 1];
  while (inside * steps[axis]! <= most) inside *= steps[axis--]!;
  const size = sizeOf(steps[axis]!, Math.floor(most / inside));
  const rest = steps[axis]! % size;
  const unit = s.extents[axis]! / steps[axis]!;
  if (rest === 0) return total(s, axis, unit * size);
  const first = newLocal(s.acc.name, s.acc.dtype);
  const whole = s.extents[axis]! - unit * rest;
  const main = part(s, axis, { start: 0, extent: whole, acc: first, init: s.init });
  const tail = part(s, axis, { start: whole, extent: unit * rest, acc: s.acc, init: localExpr(first) });
  return [...total(main, axis, unit * size), inBlocks(tail, most)].flat();
}

/** How many of `steps` make a block of at most `most`: the same for all blocks, if that makes them little shorter. */
function sizeOf(steps: number, most: number): number {
  for (let size = most; 4 * size > 3 * most; size--) if (steps % size === 0) return size;
  return most;
}

/** The sum over a part of one axis. */
function part(
  s: Reduce,
  axis: number,
  { start, extent, acc, init }: { start: number; extent: number; acc: Local; init: Expr },
): Reduce {
  const v = newLoopVar(s.vars[axis]!.name);
  const moved = at(s, axis, addAffine(scaledAtom(v), constant(start)));
  const piece = { ...s, ...moved, init, vars: s.vars.with(axis, v), extents: s.extents.with(axis, extent) };
  const [own] = renewed([piece]) as [Reduce];
  return { ...own, acc };
}

function at(s: Reduce, axis: number, index: Affine): Pick<Reduce, "body" | "value"> {
  const map = new Map([[s.vars[axis]!, indexExpr(index)]]);
  return { body: substitute(s.body, map), value: substituteExpr(s.value, map) };
}

/** Blocks of `size` positions of one axis, with all axes inside of it; axes outside and the blocks are loops. */
function total(s: Reduce, axis: number, size: number): Block {
  const { dtype } = s.acc;
  const [block, within] = [newLoopVar("b"), newLoopVar(s.vars[axis]!.name)];
  const first = scaleAffine(scaledAtom(block), size);
  const moved = at(s, axis, size === 1 ? first : addAffine(first, scaledAtom(within)));
  const inner: readonly (readonly [LoopVar, number])[] = [
    ...(size === 1 ? [] : [[within, size] as const]),
    ...s.vars.slice(axis + 1).map((v, i) => [v, s.extents[axis + 1 + i]!] as const),
  ];
  const [sum, lost, value] = ["sum", "lost", "part"].map((name) => newLocal(name, dtype)) as [
    Local,
    Local,
    Local,
  ];
  const short: Reduce = {
    ...s,
    ...moved,
    acc: value,
    init: constExpr(0, dtype),
    vars: inner.map(([v]) => v),
    extents: inner.map(([, extent]) => extent),
  };
  const outer: readonly (readonly [LoopVar, number])[] = [
    ...s.vars.slice(0, axis).map((v, i) => [v, s.extents[i]!] as const),
    [block, s.extents[axis]! / size],
  ];
  const loops = outer.reduceRight<Block>(
    (body, [v, extent]): [For] => [{ kind: "for", v, extent, mode: "serial", lanes: 1, body }],
    [short, ...addTo(inRegister(sum), inRegister(lost), localExpr(value))],
  );
  return [
    { kind: "var", local: sum, init: s.init },
    { kind: "var", local: lost, init: constExpr(0, dtype) },
    ...loops,
    { kind: "let", local: s.acc, value: localExpr(sum) },
  ];
}

const inRegister = (local: Local): Place => ({
  value: localExpr(local),
  set: (value) => ({ kind: "set", local, value }),
});
