/**
 * A planned program as C: one translation unit that exports
 *
 *     void weft_run(char *mem, const int *frame)
 *
 * where `frame` holds the addresses, counted from `mem`, of the arguments, the outputs and the arena for temporaries. Only
 * language extensions that GCC and Clang share are used, and no header. With parallel loops, the address of a control block or 0
 * follows in the frame, and `weft_run_help` is exported for workers (`common/handover.ts`).
 *
 * Floats keep their meaning: nothing is reassociated, and a multiply-add is fused only where the program says `fma`. Compile
 * with {@link C_FLAGS}.
 *
 * Requires: `contract` statements and transcendental functions are expanded; no `host` statements.
 */

import { hasParallelLoop } from "../../compiler/ir/modes.ts";
import type { For, IndexAtom, Program } from "../../compiler/ir/nodes.ts";
import { countExprs, effects, freeAtoms } from "../../compiler/ir/visit.ts";
import type { MemoryPlan } from "../../compiler/passes/plan.ts";
import { Stopwatch } from "../../compiler/passes/support/time.ts";
import type { Target } from "../../compiler/target.ts";
import { type Functions, Printer } from "../text/printer.ts";
import { Crew, helpName } from "./crew.ts";
import { dialectOf } from "./dialect.ts";
import { type Body, lengthOf, Parts, Places, UNIT_MACROS, type UnitText } from "./parts.ts";
import { Prelude } from "./prelude.ts";
import { ELEMENT_TYPES } from "./types.ts";

/**
 * How the text has to be compiled for floats to mean what the program says. Without -fno-trapping-math, which is no faster: with
 * it GCC 12 rounds a float that becomes an integer and a float again, so that -0.5 becomes -0 instead of 0.
 */
export const C_FLAGS: readonly string[] = [
  "-std=gnu11",
  "-ffp-contract=off",
  "-fno-math-errno",
  "-fno-strict-aliasing",
];

/** What stands first in a translation unit. */
export const HEAD: string = [
  ELEMENT_TYPES,
  "#define INLINE inline __attribute__((always_inline))",
  // Functions that several threads enter. GCC 12 gives wrong code for them when it specialises them for their callers.
  "#ifdef __clang__",
  "#define APART __attribute__((noinline))",
  "#else",
  "#define APART __attribute__((noipa))",
  "#endif",
  "#ifdef _WIN32",
  "#define EXPORT __declspec(dllexport)",
  "#else",
  '#define EXPORT __attribute__((visibility("default")))',
  "#endif",
  UNIT_MACROS,
].join("\n");

/** A program as C. */
export interface CText {
  readonly source: string;
  /** How long each unit that the text may be compiled in takes; `[]` when only as one ({@link UnitText.weights}). */
  readonly units: readonly number[];
  /** The function that workers call; undefined when there are no parallel loops. */
  readonly help: string | undefined;
}

/** How code is divided. */
export interface Division {
  /** Nanoseconds of work that a thread takes at a time, about. */
  readonly pieceNs: number;
  /** Nodes of a loop from which it is a function: compilers take longer for long functions than in proportion. */
  readonly large: number;
  /** Characters from which a loop that runs once is one: it may have twins, and another compiler may take it. */
  readonly long: number;
}
const DIVISION: Division = { pieceNs: 5_000, large: 150, long: 800 };

/** @throws InternalError naming what should have been expanded. */
export function emitC(
  program: Program,
  plan: MemoryPlan,
  target: Target,
  division: Partial<Division> = {},
): CText {
  const prelude = new Prelude();
  const name = "weft_run";
  const { text, weights } = emitFunction(name, program, plan, target, prelude, division);
  const help = hasParallelLoop(program.body) ? helpName(name) : undefined;
  return { source: `${HEAD}\n${prelude}\n${text}`, units: weights, help };
}

/** The exported functions of one program in a translation unit that starts with {@link HEAD} and the prelude. */
export function emitFunction(
  name: string,
  program: Program,
  plan: MemoryPlan,
  target: Target,
  prelude: Prelude,
  division: Partial<Division> = {},
): UnitText {
  const time = new Stopwatch(target);
  const places = new Places(program, plan);
  const parts = new Parts(name, places);
  const unit: Unit = { name, program, target, prelude, time, places, parts, ...DIVISION, ...division };
  const crew = hasParallelLoop(program.body) ? new Crew(name, prelude) : undefined;
  const run = new Emitter(unit, crew).run();
  return parts.text(crew?.head ?? "", `${run}${crew ?? ""}`);
}

/** Whether a loop may be a function: it leaves nothing in locals, which a function could not do. */
function mayStandApart(loop: For): boolean {
  if (hasParallelLoop(loop.body)) return false;
  const free = freeAtoms([loop]);
  return ![...effects([loop]).assigns].some((local) => free.has(local));
}

/** What the functions of a program share. */
interface Unit extends Division {
  readonly name: string;
  readonly program: Program;
  readonly target: Target;
  readonly prelude: Prelude;
  readonly time: Stopwatch;
  readonly places: Places;
  readonly parts: Parts;
}

/** A function, and what it is called with. */
interface Calling {
  readonly name: string;
  readonly free: readonly IndexAtom[];
  readonly values: readonly string[];
}

/** One function. */
class Emitter implements Functions {
  readonly #unit: Unit;
  readonly #crew: Crew | undefined;
  readonly #printer: Printer;
  #isEntry = false;

  constructor(unit: Unit, crew: Crew | undefined) {
    this.#unit = unit;
    this.#crew = crew;
    this.#printer = new Printer(dialectOf(unit.prelude, unit.target.fma), unit.target.vectorBytes, this);
  }

  /** The entry point. */
  run(): string {
    const { name, program, places } = this.#unit;
    const printer = this.#printer;
    this.#isEntry = true;
    if (this.#crew) {
      printer.line(`const u32 crew = frame[${program.args.length + program.outputs.length + 1}];`);
      printer.line("char *const control = crew ? mem + crew : 0;");
    }
    printer.statements(program.body);
    const lines = [...places.declare(printer.pointers), ...printer.lines];
    return `EXPORT void ${name}(char *mem, const int *frame) {\n${lines.join("\n")}\n}\n`;
  }

  /** A function that runs the iterations [low, high) of a loop with these free locals. */
  part(loop: For, free: readonly IndexAtom[]): Body {
    const printer = this.#printer;
    const params = free.map((atom) => `${printer.typeOf(atom)} ${printer.parameter(atom)}`);
    printer.serial(loop, "low", "high");
    return { params, lines: printer.lines, pointers: printer.pointers };
  }

  apart(loop: For, printer: Printer): boolean {
    const part = this.#standingApart(loop);
    if (part) printer.line(`${part.name}(${["mem", "frame", 0, loop.extent, ...part.values].join(", ")});`);
    return part !== undefined;
  }

  parallel(loop: For, printer: Printer): void {
    const { time, pieceNs } = this.#unit;
    const { name, free, values } = this.#part(loop, 0)!;
    const grain = Math.max(1, Math.round(pieceNs / (1 + time.block(loop.body))));
    const part = { name, types: free.map((atom) => printer.typeOf(atom)), extent: loop.extent, grain };
    for (const line of this.#crew!.call(part, values)) printer.line(line);
  }

  /** The function for a loop that shall be one. */
  #standingApart(loop: For): Calling | undefined {
    const { large, long } = this.#unit;
    const runsOnce = this.#isEntry && this.#printer.depth === 1;
    const isLarge = loop.lanes === 1 && countExprs(loop.body) >= large;
    if (!(isLarge || runsOnce) || !mayStandApart(loop)) return undefined;
    return this.#part(loop, isLarge ? 0 : long);
  }

  /** A function for a loop, and what the free locals that it takes are here; undefined when its text is shorter than `least`. */
  #part(loop: For, least: number): Calling | undefined {
    const free = [...freeAtoms([loop])];
    const body = new Emitter(this.#unit, undefined).part(loop, free);
    if (lengthOf(body) < least) return undefined;
    const values = free.map((atom) => this.#printer.nameOf(atom));
    return { name: this.#unit.parts.add(body), free, values };
  }
}
