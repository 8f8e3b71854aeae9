/** What a program consists of, counted on the loop IR. */

import { coeffOf } from "./ir/affine.ts";
import { isSerial } from "./ir/modes.ts";
import type { Buffer, Contract, For, IndexAtom, Program, Stmt } from "./ir/nodes.ts";
import type { Block } from "./ir/visit.ts";
import { blocksOf, contractExtents } from "./ir/visit.ts";
import { loadedBy, summaryOf } from "./passes/support/conflict.ts";

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
    const deeper = isSerial(s) ? depth + 1 : depth;
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
    if (isSerial(s)) found.push({ length: s.extent, times, depth });
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

/**
 * What forward loops keep for backward loops: temps that a serial loop stores one part of per iteration and that are read in, or
 * after, a later loop of the opposite direction. (After: sums over time, such as the gradients of weights, are computed when the
 * backward loop is done.) Any loop that runs backwards counts as one. Arguments and results take no memory of their own, so they
 * are not among these. To be asked of a program as it was lowered: later, the loops of kernels are serial too.
 */
export function residualsOf(program: Program): Buffer[] {
  let backwardLoops = 0;
  const forward = new Set<IndexAtom>();
  /** How many backward loops had begun when a buffer was first stored to step by step. */
  const since = new Map<Buffer, number>();
  const kept = new Set<Buffer>();
  const read = (b: Buffer): void => {
    if (backwardLoops > (since.get(b) ?? Number.POSITIVE_INFINITY)) kept.add(b);
  };
  const visit = (s: Stmt): void => {
    if (isSerial(s)) {
      if (isBackward(s)) backwardLoops++;
      else forward.add(s.v);
    }
    if (s.kind === "for" || s.kind === "while" || s.kind === "switch") {
      loadedBy(s).forEach(read);
      for (const block of blocksOf(s)) block.forEach(visit);
      return;
    }
    for (const [buffer, accesses] of summaryOf(s).accesses)
      for (const { store, index } of accesses) {
        if (!store) read(buffer);
        else if (!since.has(buffer) && index.terms.some((t) => forward.has(t.atom)))
          since.set(buffer, backwardLoops);
      }
  };
  program.body.forEach(visit);
  return program.temps.filter((b) => kept.has(b));
}

/** Whether a loop goes through memory from the end; one that only reads something in reverse does not. */
function isBackward(s: For): boolean {
  const steps = [...summaryOf(s).accesses.values()].flat().map((a) => ({ ...a, by: coeffOf(a.index, s.v) }));
  return steps.some((a) => a.by < 0) && !steps.some((a) => a.store && a.by > 0);
}
