/** What a block touches, seen past the kernels that stand in it: those are calls, with addresses of their own. */
import type { Affine, Buffer, Expr, For, Local, Stmt } from "../../compiler/ir/nodes.ts";
import { type Block, blocksOf, forEachExpr, visitParts } from "../../compiler/ir/visit.ts";

/** A block that becomes a function. It stands in the program as a `switch` with one branch. */
export interface Kernel {
  readonly name: string;
  readonly body: Block;
  /** Locals that it binds or assigns and that are used after it. */
  readonly results: readonly Local[];
  /** Set when the body is one parallel loop. */
  readonly loop?: For;
}
export type Kernels = ReadonlyMap<Stmt, Kernel>;

/** Visits statements at every depth, kernels themselves included, but not what is inside them. */
export function forEachInline(block: Block, kernels: Kernels, visit: (s: Stmt) => void): void {
  for (const s of block) {
    visit(s);
    if (!kernels.has(s)) for (const inner of blocksOf(s)) forEachInline(inner, kernels, visit);
  }
}

export interface Access {
  readonly buffer: Buffer;
  readonly index: Affine;
}

/** The elements that a block loads, stores or hands to JavaScript. */
export function accessesIn(block: Block, kernels: Kernels): Access[] {
  const found: Access[] = [];
  const seen = new Set<Expr>();
  forEachInline(block, kernels, (s) => {
    if (kernels.has(s)) return;
    if (s.kind === "store") found.push(s);
    if (s.kind === "host") found.push(...s.args);
    visitParts(s, {
      expr: (root) =>
        forEachExpr(
          root,
          (e) => {
            if (e.op === "load") found.push(e);
          },
          seen,
        ),
    });
  });
  return found;
}
