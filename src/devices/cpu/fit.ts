/** Refuses what cannot fit into memory before anything is emitted or allocated, and says what asked for it. */
import { type Buffer, MAX_EXTENT, type Program } from "../../compiler/ir/nodes.ts";
import { forEachStmt } from "../../compiler/ir/visit.ts";
import { type MemoryPlan, planMemory } from "../../compiler/passes/plan.ts";
import { residualsOf } from "../../compiler/report.ts";
import { byteSize } from "../../core/dtype.ts";
import { OutOfMemoryError, WeftValueError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { formatBytes } from "../../util/units.ts";

/** The largest things are named, so many of them. */
const NAMED = 4;

/** Something that needs memory. */
interface Need {
  readonly bytes: number;
  readonly what: string;
}

const total = (needs: readonly Need[]): number => needs.reduce((sum, { bytes }) => sum + bytes, 0);

/** @throws OutOfMemoryError when the results of a program cannot be in memory at one time */
export function checkResults(jaxpr: Jaxpr, limit: number): void {
  const results = resultsOf(jaxpr);
  if (total(results) > limit) throw outOfMemory(total(results), limit, results, SMALLER);
}

/**
 * Where the temporaries of a program lie.
 * @param lowered the program before passes, which tells residuals from other temporaries
 * @throws OutOfMemoryError when they cannot be in memory together with the results; WeftValueError for a loop that is too long
 */
export function planWithin(limit: number, jaxpr: Jaxpr, lowered: Program, program: Program): MemoryPlan {
  checkLoops(lowered);
  const plan = planMemory(program);
  const results = resultsOf(jaxpr);
  const bytes = plan.bytes + total(results);
  if (bytes <= limit) return plan;
  const residuals = new Set(residualsOf(lowered));
  const temps = [...plan.offsets.keys()].map((b) => needOf(b, residuals.has(b)));
  throw outOfMemory(bytes, limit, [...temps, ...results], residuals.size > 0 ? RECOMPUTE : SMALLER);
}

function checkLoops(program: Program): void {
  forEachStmt(program.body, (s) => {
    const longest = s.kind === "for" ? s.extent : s.kind === "reduce" ? Math.max(...s.extents) : 0;
    if (longest > MAX_EXTENT)
      throw new WeftValueError(
        `A loop over ${longest} elements or steps is too long: loops count up to ${MAX_EXTENT}. Cut the axis into two.`,
      );
  });
}

function resultsOf({ outs, eqns }: Jaxpr): Need[] {
  return outs.map((out) => {
    const maker = eqns.find((eqn) => eqn.outputs.some((v) => v === out));
    return {
      bytes: out.aval.byteLength,
      what: `${out.aval}, a result${maker ? ` of ${maker.primitive.name}` : ""}`,
    };
  });
}

function needOf({ size, dtype, name, origin }: Buffer, isResidual: boolean): Need {
  const bytes = size * byteSize(dtype);
  if (!origin) return { bytes, what: `${dtype}[${size}], for the compiler's own use (${name})` };
  const use = isResidual
    ? "stored step by step for the loop that runs backwards (a residual)"
    : "a temporary";
  return { bytes, what: `${origin.type} of ${origin.operations.join(" in ")}, ${use}` };
}

const SMALLER =
  "Compute on smaller pieces (smaller batches, or lax.map over parts), and reduce large arrays where they are made, inside of one jit.";
const RECOMPUTE = `Use checkpoint around the body of the loop, so that it is computed again instead of being stored. ${SMALLER}`;

function outOfMemory(bytes: number, limit: number, needs: readonly Need[], remedy: string): OutOfMemoryError {
  const largest = [...needs].sort((a, b) => b.bytes - a.bytes).slice(0, NAMED);
  return new OutOfMemoryError(
    [
      `Out of memory: this needs ${formatBytes(bytes)} at one time, and there are ${formatBytes(limit)} at most. The largest parts:`,
      ...largest.map((need) => `  ${formatBytes(need.bytes)}: ${need.what}`),
      remedy,
    ].join("\n"),
  );
}
