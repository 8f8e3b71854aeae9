/** The same elements in the same row-major order under another shape. */
import type { Shape, ShapedArray } from "../../core/aval.ts";
import { equalShape, strides } from "../../util/shape.ts";
import { addAffine, constant, scaleAffine } from "../ir/build.ts";
import type { Affine } from "../ir/nodes.ts";
import type { Code } from "./code.ts";
import type { Context } from "./context.ts";
import { divide, modulo } from "./division.ts";
import { place, storeInto } from "./memory.ts";
import { Uniform, type Value, View } from "./operands.ts";
import { isCheap } from "./probe.ts";

/** Axes of the old and of the new shape with the same number of elements; axes of length 1 are in no group. */
interface Group {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

export function reshape(ctx: Context, x: Value, type: ShapedArray): Value {
  if (x instanceof Uniform) return new Uniform(type, x.expr);
  if (equalShape(x.aval.shape, type.shape)) return x;
  if (type.size === 0) return ctx.temp(type);
  const groups = groupAxes(x.aval.shape, type.shape);
  if (x instanceof View) return reshapedView(x, type, groups) ?? storedAs(ctx, x, type);
  const divides = groups.some((group) => group.from.length > 1);
  return divides && !isCheap(ctx.code, x) ? storedAs(ctx, x, type) : reshapedLazy(ctx, x, type, groups);
}

function storedAs(ctx: Context, x: Value, type: ShapedArray): View {
  const target = place(ctx, type, ctx.claim([type])[0]);
  return storeInto(ctx, x, target.as(x.aval)).as(type);
}

function groupAxes(from: Shape, to: Shape): Group[] {
  const longer = (shape: Shape): number[] => [...shape.keys()].filter((axis) => shape[axis] !== 1);
  const [old, fresh] = [longer(from), longer(to)];
  const groups: Group[] = [];
  while (old.length > 0) {
    const group = { from: [old.shift()!], to: [fresh.shift()!] };
    let [m, n] = [from[group.from[0]!]!, to[group.to[0]!]!];
    while (m !== n) {
      const [axes, rest] = m < n ? [group.from, old] : [group.to, fresh];
      const axis = rest.shift()!;
      axes.push(axis);
      if (m < n) m *= from[axis]!;
      else n *= to[axis]!;
    }
    groups.push(group);
  }
  return groups;
}

const pick = (shape: Shape, axes: readonly number[]): number[] => axes.map((axis) => shape[axis]!);

/** Strides for the new axes, when the old axes of each group follow each other in memory. */
function reshapedView(x: View, type: ShapedArray, groups: readonly Group[]): View | undefined {
  const steps = type.shape.map(() => 0);
  for (const { from, to } of groups) {
    const [dims, old] = [pick(x.aval.shape, from), pick(x.strides, from)];
    const step = old.at(-1)!;
    if (strides(dims).some((packed, i) => packed * step !== old[i])) return undefined;
    strides(pick(type.shape, to)).forEach((packed, i) => {
      steps[to[i]!] = packed * step;
    });
  }
  return x.part(type, x.offset, steps);
}

function reshapedLazy(ctx: Context, x: Value, type: ShapedArray, groups: readonly Group[]): Value {
  const { code } = ctx;
  return ctx.lazy(type, (index) => {
    const old: Affine[] = x.aval.shape.map(() => constant(0));
    for (const { from, to } of groups) {
      const fresh = to.map((axis) => index[axis] as Affine);
      const positions = unravel(code, ravel(fresh, pick(type.shape, to)), pick(x.aval.shape, from));
      from.forEach((axis, i) => {
        old[axis] = positions[i]!;
      });
    }
    return x.at(old);
  });
}

const ravel = (index: readonly Affine[], shape: Shape): Affine => {
  const steps = strides(shape);
  return index.reduce((sum, i, axis) => addAffine(sum, scaleAffine(i, steps[axis]!)), constant(0));
};

/** The index of a linear position. */
function unravel(code: Code, linear: Affine, shape: Shape): Affine[] {
  const steps = strides(shape);
  let extent = shape.reduce((a, b) => a * b, 1);
  let rest = linear;
  return steps.map((step) => {
    const quotient = divide(code, rest, step, extent);
    rest = modulo(code, rest, step, extent);
    extent = Math.min(extent, step);
    return quotient;
  });
}
