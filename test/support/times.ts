/** A program with times: what is meant is what it does as it stands, one statement after the other. */
import type { Program, Stmt } from "../../src/compiler/ir/nodes.ts";
import { type Block, mapExpr, mapParts } from "../../src/compiler/ir/visit.ts";

export function timed(program: Program): Program {
  let now = 0;
  const block = (b: Block): Block => b.map(statement);
  const statement = (s: Stmt): Stmt => {
    const since = now;
    const from = ++now;
    const read = mapParts(s, {
      expr: (root) => mapExpr(root, (e) => (e.op === "load" ? { ...e, since: now } : e)),
      block,
    });
    switch (read.kind) {
      case "store":
        return { ...read, at: ++now };
      case "for":
      case "while":
        return { ...read, span: { from, to: ++now } };
      case "contract":
        return { ...read, lhs: { ...read.lhs, since }, rhs: { ...read.rhs, since } };
      case "host":
        return { ...read, args: read.args.map((a) => ({ ...a, since })) };
      default:
        return read;
    }
  };
  return { ...program, body: block(program.body) };
}
