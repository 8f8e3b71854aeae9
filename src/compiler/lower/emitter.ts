/** The {@link Emitter} that lowering rules speak to. */
import type { Shape } from "../../core/aval.ts";
import type {
  Combine,
  Emitter,
  HostFn,
  Index,
  IndexBuilder,
  Operand,
  Register,
  Scalar,
  ScalarBuilder,
} from "../../core/lowering.ts";
import {
  addAffine,
  binaryExpr,
  bitcastExpr,
  constExpr,
  convertExpr,
  indexExpr,
  localExpr,
  scaleAffine,
  selectExpr,
  subAffine,
  unaryExpr,
} from "../ir/build.ts";
import type { Expr } from "../ir/nodes.ts";
import { lowerBody } from "./body.ts";
import { type Code, toAffine } from "./code.ts";
import type { Context } from "./context.ts";
import { divide, modulo } from "./division.ts";
import { contiguous, own, place, revised, stable } from "./memory.ts";
import { Out, type Value } from "./operands.ts";
import { lowerContract } from "./product.ts";
import { reshape } from "./reshape.ts";
import { lowerScan } from "./scan.ts";
import { lowerSwitch } from "./switch.ts";
import { lowerWhile } from "./while.ts";

const expr = (x: Scalar): Expr => x as Expr;
const value = (x: Operand): Value => x as Value;
const values = (xs: readonly Operand[]): Value[] => xs as Value[];

const SCALARS: ScalarBuilder = {
  const: constExpr,
  unary: (fn, x) => unaryExpr(typeof fn === "string" ? fn : fn.fn, expr(x)),
  binary: (fn, x, y) => binaryExpr(typeof fn === "string" ? fn : fn.fn, expr(x), expr(y)),
  select: (c, x, y) => selectExpr(expr(c), expr(x), expr(y)),
  convert: (x, dtype) => convertExpr(expr(x), dtype),
  bitcast: (x, dtype) => bitcastExpr(expr(x), dtype),
  fromIndex: (i, dtype) => convertExpr(indexExpr(toAffine(i)), dtype),
};

const indices = (code: Code): IndexBuilder => ({
  add: (a, b) => addAffine(toAffine(a), toAffine(b)),
  sub: (a, b) => subAffine(toAffine(a), toAffine(b)),
  mul: (a, k) => scaleAffine(toAffine(a), k),
  div: (a, k, extent) => divide(code, toAffine(a), k, extent),
  mod: (a, k, extent) => modulo(code, toAffine(a), k, extent),
  dynamic: (x) => code.asIndex(convertExpr(expr(x), "int32")),
});

/** The statements that rules may write. */
const statements = (code: Code): Pick<Emitter, "loop" | "reduce" | "cell" | "if" | "while"> => ({
  loop: (extents, body, order = "independent") => code.nest(extents, order, body),
  reduce: (fn, init, extents, element) => reduce(code, fn, expr(init), extents, element),
  cell: (init) => cell(code, expr(init)),
  if: (condition, then, otherwise = () => {}) => branch(code, expr(condition), then, otherwise),
  while: (condition, body) => code.while(() => expr(condition()), body),
});

function reduce(
  code: Code,
  fn: Combine,
  init: Expr,
  extents: Shape,
  element: (index: Index[]) => Scalar,
): Expr {
  if (extents.includes(0)) return init;
  const { vars, index } = code.position(extents, "k");
  if (vars.length === 0) return binaryExpr(fn, init, expr(element(index)));
  const acc = code.local("acc", init.dtype);
  const [body, term] = code.within(() => expr(element(index)));
  const sizes = vars.map((v) => code.extents.get(v)!);
  code.emit({ kind: "reduce", acc, fn, init, vars, extents: sizes, lanes: 1, body, value: term });
  return localExpr(acc);
}

function cell(code: Code, init: Expr): Register {
  const local = code.local("cell", init.dtype);
  code.emit({ kind: "var", local, init });
  return {
    get: () => code.snapshot(localExpr(local)),
    set: (x) => code.emit({ kind: "set", local, value: expr(x) }),
  };
}

function branch(code: Code, condition: Expr, then: () => void, otherwise: () => void): void {
  const index = convertExpr(condition, "int32");
  const branches = [otherwise, then];
  if (index.op === "const") branches[index.value]!();
  else code.emit({ kind: "switch", index, branches: branches.map((write) => code.within(write)[0]) });
}

function host(ctx: Context, fn: HostFn, operands: readonly Value[]): void {
  const args = operands.map((x) => {
    const { buffer, offset, promises } = contiguous(ctx, x);
    return { buffer, index: offset, aval: x.aval, since: promises.since };
  });
  ctx.code.emit({ kind: "host", fn, args });
}

export function makeEmitter(ctx: Context): Emitter {
  const { code } = ctx;
  const buildMany: Emitter["buildMany"] = (types, body) => {
    const homes = ctx.claim(types);
    const views = types.map((type, i) => place(ctx, type, homes[i]));
    body(views.map((view) => new Out(code, view)));
    return views.map((view) => view.since(code.now));
  };
  return {
    s: SCALARS,
    ix: indices(code),
    lazy: (type, at) => ctx.lazy(type, at),
    reshape: (x, type) => reshape(ctx, value(x), type),
    materialize: (x) => stable(ctx, value(x)),
    build: (type, body) => buildMany([type], ([out]) => body(out!))[0]!,
    buildMany,
    update(x, body) {
      const from = code.now;
      const view = own(ctx, value(x), ctx.claim([x.aval])[0]);
      body(new Out(code, view));
      return revised(ctx, view.part(x.aval, view.offset), value(x), from);
    },
    ...statements(code),
    contract: (lhs, rhs, dims, type) => lowerContract(ctx, value(lhs), value(rhs), dims, type),
    scan: (spec) => lowerScan(ctx, spec),
    whileLoop: (spec) => lowerWhile(ctx, spec),
    switch: (index, branches, args) => lowerSwitch(ctx, value(index), branches, values(args)),
    call: (jaxpr, args) => lowerBody(ctx, jaxpr, values(args), { homes: ctx.claim(jaxpr.outAvals) }),
    host: (fn, args) => host(ctx, fn, values(args)),
  };
}
