/**
 * Rows: loops one after the other over the same rows become one, so that what one stores of a row the next finds in the cache.
 *
 *     for i < 1024 independent {                        for i < 1024 independent {
 *       for j < 1024 independent { t[1024*i + j] = … }    for j < 1024 independent { t[1024*i + j] = … }
 *     }                                             =>    for j < 1024 independent { y[1024*i + j] = … t[1024*i + k] … }
 *     for i < 1024 independent {                        }
 *       for j < 1024 independent { y[1024*i + j] = … t[1024*i + k] … }
 *     }
 *
 * Softmax, normalisation and their gradients are such loops: a row has to be complete before the next loop can use it, so that
 * nothing fuses. It is right when the iterations of the loop that they become are separate ({@link iterationsAreSeparate}), and pays
 * where what the loops share does not stay in the second-level cache from one to the next, while a row stays in the first.
 *
 * Requires: runs when loops are what they will be, before threads take them. Ensures: every statement computes what it did.
 */

import { byteSize } from "../../core/dtype.ts";
import { note } from "../../core/journal.ts";
import { affine, coeffOf } from "../ir/affine.ts";
import { describe } from "../ir/describe.ts";
import { isIndependent } from "../ir/modes.ts";
import type { Buffer, For, Program, Stmt } from "../ir/nodes.ts";
import { type Block, indexExpr, mapParts, substitute } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { conflict, intersects, type Summary, summaryOf } from "./support/conflict.ts";
import { iterationsAreSeparate } from "./support/separate.ts";

/** How many statements back a partner is looked for. */
const LOOKBACK = 16;

export function rows(program: Program, target: Target): Program {
  const body = joined(program.body, target);
  return body === program.body ? program : { ...program, body };
}

function joined(block: Block, target: Target): Block {
  const out: Stmt[] = [];
  for (const s of block) place(out, mapParts(s, { block: (b) => joined(b, target) }), target);
  return out.length === block.length && out.every((s, i) => s === block[i]) ? block : out;
}

function place(out: Stmt[], s: Stmt, target: Target): void {
  if (!isRows(s) || !isLarge(s, target) || !joins(out, s, target)) out.push(s);
}

/** Makes `s` part of the last loop that it can be part of. */
function joins(out: Stmt[], s: For, target: Target): boolean {
  for (let i = out.length - 1; i >= Math.max(0, out.length - LOOKBACK); i--) {
    const partner = out[i]!;
    const both = isRows(partner) && join(partner, s, target);
    if (both) {
      note("joined", () => `the rows of ${describe(partner)} and ${describe(s)}`);
      out[i] = both;
      return true;
    }
    if (conflict(partner, s)) return false;
  }
  return false;
}

const isRows = (s: Stmt): s is For => isIndependent(s) && s.lanes === 1;

function join(a: For, b: For, target: Target): For | undefined {
  if (a.extent !== b.extent || !pays(a, b, target)) return undefined;
  const [x, y] = [summaryOf(a), summaryOf(b)];
  if (intersects(x.assigns, y.uses) || intersects(y.assigns, x.uses)) return undefined;
  const moved = substitute(b.body, new Map([[b.v, indexExpr(affine(0, [{ atom: a.v, coeff: 1 }]))]]));
  const { span: _, ...loop } = a;
  const both: For = { ...loop, body: [...a.body, ...moved] };
  return iterationsAreSeparate(both) ? both : undefined;
}

/** Whether buffers are too large to stay in the second-level cache from one loop to the next. */
const overflow = (buffers: Iterable<Buffer>, { l2Bytes }: Target): boolean =>
  total([...buffers].map(bytesOf)) > l2Bytes / 2;
/** Whether it could share enough with any other; most loops could not. */
const isLarge = (s: For, target: Target): boolean => overflow(summaryOf(s).accesses.keys(), target);

function pays(a: For, b: For, target: Target): boolean {
  const [x, y] = [touched(a), touched(b)];
  const shared = [...x.keys()].filter((buffer) => y.has(buffer));
  return overflow(shared, target) && total([...new Map([...x, ...y]).values()]) <= target.l1Bytes;
}

/** The buffers of a loop, and how many bytes of each an iteration touches. */
function touched(s: For): Map<Buffer, number> {
  const { accesses }: Summary = summaryOf(s);
  const share = (buffer: Buffer): number =>
    accesses.get(buffer)!.some(({ index }) => coeffOf(index, s.v) !== 0) ? s.extent : 1;
  return new Map([...accesses.keys()].map((buffer) => [buffer, bytesOf(buffer) / share(buffer)]));
}

const bytesOf = (b: Buffer): number => b.size * byteSize(b.dtype);
const total = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0);
