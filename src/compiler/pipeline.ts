/**
 * The order of the passes over the loop IR, and why. Nothing else in the compiler knows it.
 *
 * - `fuse` first: it works on whole nests as the lowering made them, one per array; every other pass gains from fewer of them.
 * - `collapse` next: fusing compares loops one by one, so shapes have to be intact until it is done; vectors want long loops.
 * - `contract` turns contractions into packing and register-blocked loops, with the epilogues that fusing gave them.
 * - `spread` gives what an inner loop computes the same way in every outer iteration a loop of its own, so that
 * - `licm` can move it outside. Both after `contract`, because packed weights are what it is for: they leave the time loop.
 * - `fma` before `math`, which says itself where its polynomials want a multiply-add and where they need every rounding.
 * - `math` before vectors: polynomials are ordinary arithmetic, so the vectoriser needs to know no special function.
 * - `promote` when time loops have lost what `licm` moves, and arithmetic is what it will be: it counts operations.
 * - `vectorize` when nothing reshapes loops any more.
 * - `tile` when lanes are there, since rows that share cache lines are taken inside of them, and before anything spoils perfect nests.
 * - `compensate` when lanes show how many numbers an accumulator takes in.
 * - `uniform` after them: moving scalars out of loops spoils perfect nests, and by now lanes say what is uniform.
 * - `tidy`: main and remainder loops, unrolled kernels and polynomials have much in common.
 * - `rows` when loops are what they will be: it brings whole bodies together, and all others look for single loops.
 * - `reuse` when rows are together: then a temporary's row is done when the output's is stored.
 * - `shard`, then `parallel` for what is left, last: they ask how long loops take as they are, and nothing after them may move
 *   statements in or out of them.
 */

import { verifier } from "#verifier";
import { switchedOff } from "../core/switches.ts";
import type { Program } from "./ir/nodes.ts";
import { checkDumps, isDebugging, type ObserveOptions, observer } from "./observe.ts";
import { collapse } from "./passes/collapse.ts";
import { compensate } from "./passes/compensate.ts";
import { contract } from "./passes/contract.ts";
import { fma } from "./passes/fma.ts";
import { fuse } from "./passes/fuse.ts";
import { licm } from "./passes/licm.ts";
import { math } from "./passes/math.ts";
import { parallel } from "./passes/parallel.ts";
import { type MemoryPlan, neighbours } from "./passes/plan.ts";
import { promote } from "./passes/promote.ts";
import { reuse } from "./passes/reuse.ts";
import { rows } from "./passes/rows.ts";
import { shard } from "./passes/shard.ts";
import { spread } from "./passes/spread.ts";
import { tidy } from "./passes/tidy.ts";
import { tile } from "./passes/tile.ts";
import { uniform } from "./passes/uniform.ts";
import { vectorize } from "./passes/vectorize.ts";
import { JAXPR_PASSES } from "./prepare.ts";
import type { Target } from "./target.ts";

export type Pass = (program: Program, target: Target) => Program;

export type ProgramPass =
  | "fuse"
  | "collapse"
  | "contract"
  | "spread"
  | "licm"
  | "fma"
  | "math"
  | "promote"
  | "vectorize"
  | "tile"
  | "compensate"
  | "uniform"
  | "tidy"
  | "rows"
  | "reuse"
  | "shard"
  | "parallel";

const PASSES: Readonly<Record<ProgramPass, Pass>> = {
  fuse,
  collapse,
  contract,
  spread,
  licm,
  fma,
  math,
  promote,
  vectorize,
  tile,
  compensate,
  uniform,
  tidy,
  rows,
  reuse,
  shard,
  parallel,
};

/** What machine code for CPUs wants, in order. */
export const PROGRAM_PASSES: readonly ProgramPass[] = Object.keys(PASSES) as ProgramPass[];

/** Without these there is nothing that a backend could emit. */
const REQUIRED = ["contract", "math"] as const;
/** Passes that can be left out. */
export type OptionalPass = Exclude<ProgramPass, (typeof REQUIRED)[number]>;
const isOptional = (name: ProgramPass): name is OptionalPass =>
  !(REQUIRED as readonly string[]).includes(name);
export const OPTIONAL_PASSES: readonly OptionalPass[] = PROGRAM_PASSES.filter(isOptional);

interface PipelineOptions extends ObserveOptions {
  /** The passes, of which some may be switched off. Default: all. */
  readonly pipeline?: readonly ProgramPass[];
  /** Passes to leave out. Those that code generation needs run anyway. Default: what is switched off. */
  readonly off?: readonly string[];
}

/**
 * Runs the passes of a pipeline.
 * @throws InternalError naming the pass that broke the program, when debugging.
 */
export function runPipeline(program: Program, target: Target, options: PipelineOptions = {}): Program {
  if (verifier) checkDumps(options, [...JAXPR_PASSES, "lower", ...PROGRAM_PASSES]);
  const observe = verifier ? observer(verifier.PROGRAMS, options) : () => {};
  const off = options.off ?? switchedOff();
  // Contractions make multiply-adds themselves: without the pass nothing is fused that way.
  const machine = off.includes("fma") ? { ...target, fma: false } : target;
  observe(program, undefined, "lower");
  let current = program;
  for (const name of options.pipeline ?? PROGRAM_PASSES) {
    if (off.includes(name) && isOptional(name)) continue;
    const next = PASSES[name](current, machine);
    observe(next, current, name);
    current = next;
  }
  return current;
}

/**
 * When debugging: that buffers which share memory, by a plan or because they were donated, are not needed at the same time.
 * @param inPlace outputs, by index, that lie in the memory of an argument.
 * @throws InternalError when one of them is stored over another one that is still read.
 */
export function verifyMemory(
  program: Program,
  plan: MemoryPlan,
  inPlace: ReadonlyMap<number, number> = new Map(),
  debug: boolean = isDebugging(),
): void {
  if (!debug) return;
  verifier?.verifyDefined(program, "planning memory", (b) => neighbours(plan, b));
  verifier?.verifyOrder(
    program,
    "donation",
    new Map([...inPlace].map(([i, j]) => [program.outputs[i]!, program.args[j]!])),
  );
}
