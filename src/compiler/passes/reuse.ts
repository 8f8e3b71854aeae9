/**
 * Reuse: a large temporary lies in the memory of the output that follows it.
 *
 *     for i < 1024 independent {                          for i < 1024 independent {
 *       for j < 1024 { t[1024*i + j] = f32.exp(…) }         for j < 1024 { y[1024*i + j] = f32.exp(…) }
 *       reduce … { yield t[1024*i + k] }             =>     reduce … { yield y[1024*i + k] }
 *       for j < 1024 { y[1024*i + j] = … t[…] … }           for j < 1024 { y[1024*i + j] = … y[…] … }
 *     }                                                   }
 *
 * What fits no cache is moved half as often then. It is right when nothing reads the output, and nothing touches an element of the
 * temporary after that element of the output was stored ({@link mayReplace}). An argument that could have been given away for the
 * output still can be.
 *
 * Requires: loops have their order. Ensures: every statement computes what it did.
 */
import { byteSize } from "../../core/dtype.ts";
import { note } from "../../core/journal.ts";
import type { Buffer, Program } from "../ir/nodes.ts";
import { effects, replaceBuffers } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { mayReplace } from "./support/replace.ts";

export function reuse(program: Program, { l2Bytes }: Target): Program {
  const isLarge = (b: Buffer): boolean => b.size * byteSize(b.dtype) > l2Bytes / 2;
  return program.outputs.filter(isLarge).reduce(withTempIn, program);
}

/** The program with the first temporary that can lie in the output there. */
function withTempIn(program: Program, output: Buffer): Program {
  if (effects(program.body).reads.has(output) || isRevised(program, output)) return program;
  for (const temp of program.temps) {
    if (isRevised(program, temp) || !isOlder(program, temp, output)) continue;
    if (!mayReplace(program.body, temp, output)) continue;
    const body = replaceBuffers(program.body, new Map([[temp, output]]));
    if (loses(program, body, output)) continue;
    note("inPlace", () => `${temp.name} in the memory of ${output.name}`);
    return { ...program, body, temps: program.temps.filter((t) => t !== temp) };
  }
  return program;
}

const isRevised = ({ revisions = [] }: Program, b: Buffer): boolean => revisions.some((r) => r.buffer === b);

/**
 * Whether all of the temporary was meant before the output. An output that holds what was known early, like zeros, was meant before
 * temporaries that are gone when it is stored: in one buffer their order could not be proved any more (ir/order.ts).
 */
function isOlder({ body }: Program, temp: Buffer, output: Buffer): boolean {
  const { loads, stores } = effects(body);
  const timesOf = (b: Buffer): number[] => [
    ...loads.flatMap(({ buffer, since }) => (buffer === b && since !== undefined ? [since] : [])),
    ...stores.flatMap(({ buffer, at }) => (buffer === b && at !== undefined ? [at] : [])),
  ];
  return Math.max(...timesOf(temp)) < Math.min(...timesOf(output));
}

/** Whether some argument could become the output before, and cannot in the new body. */
const loses = ({ args, body }: Program, changed: Program["body"], output: Buffer): boolean =>
  args.some((arg) => mayReplace(body, arg, output) && !mayReplace(changed, arg, output));
