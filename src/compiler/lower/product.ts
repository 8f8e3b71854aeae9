/** Contractions: operands are read where they lie, whatever their strides. */
import type { ShapedArray } from "../../core/aval.ts";
import type { ContractDims, Index } from "../../core/lowering.ts";
import { scaledAtom } from "../ir/affine.ts";
import { binaryExpr, constExpr, localExpr } from "../ir/build.ts";
import type { ContractOperand } from "../ir/nodes.ts";
import { axisName } from "./code.ts";
import type { Context } from "./context.ts";
import { place, stable, stored, storeInto } from "./memory.ts";
import { type Lazy, Uniform, type Value, View } from "./operands.ts";
import { simplest } from "./probe.ts";

/** The axes of one operand by their part. */
interface Axes {
  readonly batch: readonly number[];
  readonly free: readonly number[];
  readonly reduced: readonly number[];
}

function axesOf(x: Value, { batch, contract }: ContractDims, side: 0 | 1): Axes {
  const [paired, reduced] = [batch.map((pair) => pair[side]), contract.map((pair) => pair[side])];
  const free = [...x.aval.shape.keys()].filter((axis) => !paired.includes(axis) && !reduced.includes(axis));
  return { batch: paired, free, reduced };
}

export function lowerContract(
  ctx: Context,
  lhs: Value,
  rhs: Value,
  dims: ContractDims,
  type: ShapedArray,
): Value {
  const [l, r] = [axesOf(lhs, dims, 0), axesOf(rhs, dims, 1)];
  if (dims.contract.length === 0) return product(ctx, [lhs, l], [rhs, r], type);
  const target = place(ctx, type, ctx.claim([type])[0]);
  const kExtents = extents(lhs, l.reduced);
  if (kExtents.includes(0)) return storeInto(ctx, new Uniform(type, constExpr(0, type.dtype)), target);
  if (type.size === 0) return target;
  const { code } = ctx;
  const vars = type.shape.map((extent, axis) => code.loopVar(extent, axisName(axis)));
  const acc = code.local("acc", type.dtype);
  const operands = { lhs: operand(ctx, lhs, l), rhs: operand(ctx, rhs, r) };
  const [epilogue] = code.within(() =>
    target.put(
      code,
      vars.map((v) => scaledAtom(v)),
      localExpr(acc),
    ),
  );
  code.emit({
    kind: "contract",
    dtype: type.dtype,
    ...operands,
    batchExtents: extents(lhs, l.batch),
    mExtents: extents(lhs, l.free),
    nExtents: extents(rhs, r.free),
    kExtents,
    vars,
    acc,
    epilogue,
  });
  return target.since(code.now);
}

const extents = (x: Value, axes: readonly number[]): number[] => axes.map((axis) => x.aval.shape[axis]!);

function operand(ctx: Context, x: Value, axes: Axes): ContractOperand {
  const simple = simplest(ctx.code, x);
  const view = simple instanceof View ? simple : stored(ctx, x);
  const pick = (chosen: readonly number[]): number[] => chosen.map((axis) => view.strides[axis]!);
  return {
    buffer: view.buffer,
    base: view.offset,
    batch: pick(axes.batch),
    free: pick(axes.free),
    reduced: pick(axes.reduced),
    since: view.promises.since,
  };
}

/** Nothing is summed: an outer product, element by element. */
function product(ctx: Context, [lhs, l]: [Value, Axes], [rhs, r]: [Value, Axes], type: ShapedArray): Lazy {
  const [x, y] = [stable(ctx, lhs), stable(ctx, rhs)];
  const rows = l.batch.length;
  const cols = rows + l.free.length;
  return ctx.lazy(type, (index) => {
    const batch = index.slice(0, rows);
    const left = x.at(placed(l, [...batch, ...index.slice(rows, cols)]));
    const right = y.at(placed(r, [...batch, ...index.slice(cols)]));
    return binaryExpr("mul", left, right);
  });
}

/** The index whose batch and free axes, in this order, are `entries`. */
function placed({ batch, free }: Axes, entries: readonly Index[]): Index[] {
  const index: Index[] = [];
  for (const [i, axis] of [...batch, ...free].entries()) index[axis] = entries[i]!;
  return index;
}
