/** What a program consists of, counted on the loop IR. */

import type { Contract, Stmt } from "./ir/nodes.ts";
import type { Block } from "./ir/visit.ts";
import { blocksOf, contractExtents } from "./ir/visit.ts";

/** A matrix product (or a product of several equal ones), with how often it runs. */
export interface Matmul {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly times: number;
  /** Floating-point operations of all runs together. */
  readonly flops: number;
}

/** A counted loop whose iterations follow one another. */
export interface SerialLoop {
  readonly length: number;
  /** How often the loop as a whole runs. */
  readonly times: number;
  readonly depth: number;
}

const product = (xs: readonly number[]): number => xs.reduce((a, b) => a * b, 1);

/** Visits every statement with the number of times it runs (what a `while` repeats counts once) and its loop depth. */
function walk(
  block: Block,
  visit: (s: Stmt, times: number, depth: number) => void,
  times = 1,
  depth = 0,
): void {
  for (const s of block) {
    visit(s, times, depth);
    const inner =
      s.kind === "for"
        ? times * (s.extent / s.lanes)
        : s.kind === "reduce"
          ? times * product(s.extents)
          : times;
    const deeper = s.kind === "for" && s.mode === "serial" ? depth + 1 : depth;
    for (const b of blocksOf(s)) walk(b, visit, inner, deeper);
  }
}

/** The products of a program before they were expanded into kernels. */
export function matmulsOf(block: Block): Matmul[] {
  const found: Matmul[] = [];
  walk(block, (s, times) => {
    if (s.kind === "contract") found.push(matmul(s, times));
  });
  return found;
}

function matmul(s: Contract, times: number): Matmul {
  const [batch, m, n, k] = [s.batchExtents, s.mExtents, s.nExtents, s.kExtents].map(product) as [
    number,
    number,
    number,
    number,
  ];
  return { batch, m, n, k, times, flops: 2 * product(contractExtents(s)) * k * times };
}

/** Loops that keep their order: scans, mostly. */
export function serialLoopsOf(block: Block): SerialLoop[] {
  const found: SerialLoop[] = [];
  walk(block, (s, times, depth) => {
    if (s.kind === "for" && s.mode === "serial") found.push({ length: s.extent, times, depth });
  });
  return found;
}

/** How many statements are of a kind and mode. */
export function countLoops(block: Block, mode: string): number {
  let n = 0;
  walk(block, (s) => {
    if (s.kind === "for" && s.mode === mode) n++;
  });
  return n;
}
