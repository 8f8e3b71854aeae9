/**
 * Donate: which outputs may lie in the memory of an argument that the caller gives away.
 *
 *     for i < 8 { p'[i] = f32.sub(p[i], g[i]) }     p' in p: each element is read before it is replaced
 *     for i < 8 { q[i] = p[7 - i] }                 q not in p: q[0] would replace what q[7] needs
 *
 * An argument may become an output of its dtype and size when no element of it is read after that element of the output was
 * stored, in whatever order independent iterations run. Calls of JavaScript count as reads of all arguments: a call may throw, and
 * then nothing has been given away.
 *
 * Requires: the final form of the program, from which code is generated. Ensures: no argument serves two outputs. Cost: for each
 * pair of equal type, the statements that touch both.
 */
import { note } from "../../core/journal.ts";
import { isOn } from "../../core/switches.ts";
import type { Program } from "../ir/nodes.ts";
import { mayReplace } from "./support/replace.ts";

/** For each output (by index) that reuses memory, the index of the argument; `donated[i]` offers argument i. */
export function donations(program: Program, donated: readonly boolean[]): Map<number, number> {
  const offered = program.args.flatMap((_, i) => (donated[i] ? [i] : []));
  if (offered.length === 0 || !isOn("donate")) return new Map();
  const candidates = program.outputs.map((output) =>
    offered.filter((i) => mayReplace(program.body, program.args[i]!, output)),
  );
  const found = matching(candidates);
  for (const [i, j] of found)
    note("inPlace", () => `${program.outputs[i]!.name} in the memory of ${program.args[j]!.name}`);
  return found;
}

/** As many outputs as possible get one of their candidates, none twice (augmenting paths). */
function matching(candidates: readonly (readonly number[])[]): Map<number, number> {
  const owners = new Map<number, number>();
  const assign = (output: number, seen: Set<number>): boolean =>
    candidates[output]!.some((argument) => {
      if (seen.has(argument)) return false;
      seen.add(argument);
      const owner = owners.get(argument);
      if (owner !== undefined && !assign(owner, seen)) return false;
      owners.set(argument, output);
      return true;
    });
  for (const output of candidates.keys()) assign(output, new Set());
  return new Map([...owners].map(([argument, output]) => [output, argument]));
}
