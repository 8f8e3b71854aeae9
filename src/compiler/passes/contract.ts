/**
 * `contract` becomes ordinary loops: packing nests and register-blocked kernels, or one `reduce` per element where that is
 * cheaper (`contract/schedule.ts` decides, `contract/kernel.ts` shows before and after).
 *
 * Requires: epilogues are final (fusion is done). Ensures: no `contract` is left; loops with lanes > 1 occur, which later
 * passes leave as they are; packing nests stand directly before the loops that read them, so that they can be hoisted.
 */
import { isSerial } from "../ir/modes.ts";
import type { Affine, Buffer, Contract, For, Program, Stmt, While } from "../ir/nodes.ts";
import { type Block, buffersWritten, mapParts } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { extentOf, productOf, type Side } from "./contract/axes.ts";
import type { Use } from "./contract/cost.ts";
import { dots } from "./contract/dots.ts";
import { expand } from "./contract/kernel.ts";
import type { Expansion } from "./contract/memory.ts";
import { chooseSchedule } from "./contract/schedule.ts";

/** A loop around the contraction. */
interface Around {
  readonly loop: For | While;
  readonly writes: () => ReadonlySet<Buffer>;
}
/** Iterations assumed of a loop whose count is not known. */
const SOME = 16;

export function contract(program: Program, target: Target): Program {
  const temps: Buffer[] = [];

  const block = (b: Block, around: readonly Around[]): Block => {
    const out = b.flatMap((s) => statement(s, around));
    return out.length === b.length && out.every((s, i) => s === b[i]) ? b : out;
  };
  const statement = (s: Stmt, around: readonly Around[]): Block => {
    if (s.kind === "contract") {
      const made = expandContract(s, target, around);
      temps.push(...made.temps);
      return made.body;
    }
    const inner = s.kind === "for" || s.kind === "while" ? [...around, enclosing(s)] : around;
    const before = temps.length;
    const mapped = mapParts(s, { block: (b) => block(b, inner) });
    // Iterations share the new temps, so they are not independent any more.
    return [mapped.kind === "for" && temps.length > before ? { ...mapped, mode: "serial" } : mapped];
  };

  const body = block(program.body, []);
  return body === program.body ? program : { ...program, body, temps: [...program.temps, ...temps] };
}

function enclosing(loop: For | While): Around {
  let known: ReadonlySet<Buffer> | undefined;
  return { loop, writes: () => (known ??= buffersWritten(loop)) };
}

function expandContract(s: Contract, target: Target, around: readonly Around[]): Expansion {
  const product = productOf(s);
  if (extentOf([...product.batch, ...product.m, ...product.n]) === 0) return { body: [], temps: [] };
  const schedule = chooseSchedule(product, target, (side) => useOf(product[side], around));
  if (!schedule) return { body: dots(product), temps: [] };
  // Iterations that share sums would not be independent any more.
  const roll = schedule.roll && !around.some(({ loop }) => loop.kind === "for" && !isSerial(loop));
  return expand({ ...schedule, roll }, target);
}

/**
 * How often the same operand is used: iterations of the enclosing loops that neither write nor move it. A loop that moves it
 * does not end the search: `spread` and `licm` pack the operands of all its iterations outside of the loops around it.
 */
function useOf(operand: Side, around: readonly Around[]): Use {
  let [times, among, moved] = [1, 1, 1];
  for (const { loop, writes } of around.toReversed()) {
    if (writes().has(operand.buffer) || operand.base.terms.some((t) => t.atom.kind !== "loopVar")) break;
    const extent = Math.max(1, loop.kind === "for" ? loop.extent : SOME);
    if (moves(loop, operand.base)) moved *= extent;
    else [times, among] = [times * extent, moved];
  }
  return { times, among };
}

const moves = (loop: For | While, base: Affine): boolean =>
  loop.kind === "for" && base.terms.some((t) => t.atom === loop.v);
