/** A program with times: what is meant is what it does as it stands, one statement after the other. */
import type { Buffer, Program, Stmt, Time } from "../../src/compiler/ir/nodes.ts";
import { type Block, mapExpr, mapParts } from "../../src/compiler/ir/visit.ts";

/** Arguments never change. */
const sinceOf = (b: Buffer, now: Time): Time => (b.role === "argument" ? 0 : now);

export function timed(program: Program): Program {
  let now = 0;
  const complete = <T extends { readonly buffer: Buffer }>(x: T, since: Time): T & { since: Time } => ({
    ...x,
    since: sinceOf(x.buffer, since),
  });
  const block = (b: Block): Block => b.map(statement);
  const statement = (s: Stmt): Stmt => {
    const since = now;
    const from = ++now;
    const read = mapParts(s, {
      expr: (root) => mapExpr(root, (e) => (e.op === "load" ? { ...e, since: sinceOf(e.buffer, now) } : e)),
      block,
    });
    switch (read.kind) {
      case "store":
        return { ...read, at: ++now };
      case "for":
      case "while":
        return { ...read, span: { from, to: ++now } };
      case "contract":
        return { ...read, lhs: complete(read.lhs, since), rhs: complete(read.rhs, since) };
      case "host":
        return { ...read, args: read.args.map((a) => complete(a, since)) };
      default:
        return read;
    }
  };
  return { ...program, body: block(program.body) };
}
