/** Every operation of lax against values and derivatives that JAX computed, on the compiled road. */
import "../../src/devices/index.ts";
import { LAX } from "./lax-table.ts";
import type { Closeness, OpRow } from "./load.ts";
import { testRows } from "./rows.ts";

/** Values of single operations may differ in the last bits: XLA and weft round at different places. */
const ULPS = { float32: 8 * 2 ** -24, float64: 32 * 2 ** -53 };
/** Operations that XLA computes less accurately than weft, in units of the last place of the largest term. */
const LOOSE: Record<string, number> = { exp2: 64, sinh: 12, cosh: 12, erfc: 40, lgamma: 32, digamma: 32 };

function valueTolerance({ op, out, tol }: OpRow): Closeness {
  const unit = ULPS[out.some((g) => g.t === "float64") ? "float64" : "float32"];
  const loose = LOOSE[op];
  if (loose) return { relative: loose * unit, absolute: loose * unit * 0.1 };
  return tol ? { relative: tol, absolute: tol } : { relative: unit };
}

// Formulas like 1 - y² lose digits of numbers near 1, hence the absolute part.
testRows("ops", LAX, (row) => ({
  value: valueTolerance(row),
  derivative: { relative: 3e-6, absolute: 1e-6 },
}));
