/** From jaxpr to loop IR. */
import type { Jaxpr } from "../../core/jaxpr.ts";
import { newBuffer } from "../ir/build.ts";
import type { Program } from "../ir/nodes.ts";
import { lowerBody } from "./body.ts";
import { Context, home, Residents } from "./context.ts";
import { makeEmitter } from "./emitter.ts";
import { View } from "./operands.ts";

/** The program that computes `jaxpr`: one argument buffer per variable, one output buffer per result, all row-major. */
export function lowerJaxpr(jaxpr: Jaxpr): Program {
  const ctx = new Context();
  ctx.emitter = makeEmitter(ctx);
  const args = jaxpr.inAvals.map((type, i) =>
    new View(type, newBuffer(`arg${i}`, type.dtype, type.size, "argument")).since(0),
  );
  const outs = jaxpr.outAvals.map(
    (type, i) => new View(type, newBuffer(`out${i}`, type.dtype, type.size, "output")),
  );
  const residents = new Residents(
    outs.map((view) => home(view)),
    () => true,
  );
  residents.arrived(lowerBody(ctx, jaxpr, args, { homes: residents.homes }), ctx.code.now);
  return {
    args: args.map((view) => view.buffer),
    outputs: outs.map((view) => view.buffer),
    temps: ctx.code.temps,
    body: ctx.code.block.stmts,
    revisions: ctx.code.revisions,
  };
}
