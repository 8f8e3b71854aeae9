/** Branches: every result has one place that each branch writes. */

import type { ShapedArray } from "../../core/aval.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { binaryExpr, constExpr, convertExpr, localExpr } from "../ir/build.ts";
import type { Expr } from "../ir/nodes.ts";
import { lowerBody } from "./body.ts";
import { type Context, type Home, home } from "./context.ts";
import { isOwned, place, revised, stable } from "./memory.ts";
import { sameArray, Uniform, type Value, View } from "./operands.ts";
import { updatePath } from "./usage.ts";

/** Where a branch leaves a result. */
interface Outlet {
  readonly home: Home | undefined;
  leave(value: Value): void;
  readonly result: Value;
}

export function lowerSwitch(
  ctx: Context,
  index: Value,
  branches: readonly Jaxpr[],
  args: readonly Value[],
): Value[] {
  const chosen = clamp(convertExpr(index.at([]), "int32"), branches.length);
  if (chosen.op === "const")
    return lowerBody(ctx, branches[chosen.value]!, args, { homes: ctx.claim(branches[0]!.outAvals) });
  const shared = args.map((x) => stable(ctx, x));
  const types = branches[0]!.outAvals;
  const homes = ctx.claim(types);
  const updated = updatedArgs(branches);
  const outlets = types.map((type, i) => outlet(ctx, type, homes[i], shared[updated[i]!]));
  const from = ctx.code.now;
  const blocks = branches.map((branch) => lowerBranch(ctx, branch, shared, outlets));
  ctx.code.emit({ kind: "switch", index: chosen, branches: blocks });
  return outlets.map(({ result }) => (result instanceof View ? revised(ctx, result, result, from) : result));
}

function clamp(index: Expr, count: number): Expr {
  const low = binaryExpr("max", index, constExpr(0, "int32"));
  return count === 1 ? constExpr(0, "int32") : binaryExpr("min", low, constExpr(count - 1, "int32"));
}

function lowerBranch(ctx: Context, branch: Jaxpr, args: readonly Value[], outlets: readonly Outlet[]) {
  const [stmts] = ctx.code.within(() => {
    const outs = lowerBody(ctx, branch, args, { homes: outlets.map((o) => o.home) });
    for (const [i, x] of outs.entries()) outlets[i]!.leave(x);
  });
  return stmts;
}

/** For each result the argument that every branch updates or returns; -1: none, or the place of another result. */
function updatedArgs(branches: readonly Jaxpr[]): number[] {
  const taken = new Set<number>();
  return branches[0]!.outs.map((out, k) => {
    const at = branches[0]!.invars.findIndex(
      (v, i) =>
        !taken.has(i) &&
        sameArray(v.aval, out.aval) &&
        branches.every((b) => updatePath(b, b.invars[i]!, b.outs[k]!)),
    );
    taken.add(at);
    return at;
  });
}

function outlet(ctx: Context, type: ShapedArray, wanted: Home | undefined, updated?: Value): Outlet {
  if (type.ndim === 0) return scalarOutlet(ctx, type);
  if (updated && isOwned(ctx, updated, wanted))
    return { home: home(updated, true), leave: () => {}, result: updated };
  const view = place(ctx, type, wanted);
  return { home: home(view), leave: () => {}, result: view };
}

function scalarOutlet({ code }: Context, type: ShapedArray): Outlet {
  const local = code.local("r", type.dtype);
  code.emit({ kind: "var", local, init: constExpr(0, type.dtype) });
  return {
    home: undefined,
    leave: (value) => code.emit({ kind: "set", local, value: value.at([]) }),
    result: new Uniform(type, localExpr(local)),
  };
}
