/** The oracle finds faults that are put into operations on purpose, and does not call rounding a fault. */
import { describe, expect, test } from "vitest";
import { compare, weftSide } from "../../fuzz/check.ts";
import { compareTypes, suspects } from "../../fuzz/compare.ts";
import { generate, Refused } from "../../fuzz/generate.ts";
import { opOf } from "../../fuzz/ops/index.ts";
import { allSteps, type Program } from "../../fuzz/program.ts";
import { hasFailed, type Outcome } from "../../fuzz/results.ts";
import { Rng } from "../../fuzz/rng.ts";
import { EAGER, runVariant } from "../../fuzz/variants.ts";

interface Fault {
  readonly op: string;
  readonly instead: string;
  /** Of programs in which the operation stands, so many change. */
  readonly share: number;
  /** Of those, so many are found; the rest is blurred by rounding. Default: all. */
  readonly seen?: number;
  readonly modes: readonly string[];
  /** How many programs are tried; rare faults need more. */
  readonly programs?: number;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  "a coefficient wrong by 1e-5": {
    op: "np.sin",
    instead: "np.multiply(np.sin(a[0]), 1.00001)",
    share: 0.8,
    seen: 0.8,
    modes: [],
  },
  "a gradient wrong by 1e-3": {
    op: "np.tanh",
    instead: "np.add(np.tanh(a[0]), np.multiply(np.subtract(a[0], lax.stopGradient(a[0])), 0.001))",
    share: 0.2,
    modes: ["grad"],
  },
  "a row of an earlier iteration": {
    op: "lax.scan",
    instead: opOf("lax.scan").weft.replace(
      ".flat()",
      ".flat().map((y, i) => (i < p.n ? y : np.roll(y, 1, 0)))",
    ),
    share: 0.2,
    modes: [],
  },
  "a sum without its last term": {
    op: "np.sum",
    instead:
      "np.sum(np.multiply(a[0], np.less(np.arange(a[0].size), a[0].size - 1).reshape(a[0].shape)), p.axis, { keepdims: p.keepdims })",
    share: 0.2,
    modes: [],
  },
  "a tie that goes to one side": {
    op: "lax.max",
    instead: "np.where(np.greaterEqual(a[0], a[1]), a[0], a[1])",
    share: 0.01,
    programs: 80,
    modes: ["grad"],
  },
  "an index off by one": {
    op: "lax.dynamicIndexInDim",
    instead: "lax.dynamicIndexInDim(a[0], np.add(a[1], 1), p.axis, p.keep)",
    share: 0.2,
    modes: [],
  },
  "a NaN that vanishes": {
    op: "np.nanmax",
    instead: "np.max(a[0], p.axis, { keepdims: p.keepdims })",
    share: 0.02,
    programs: 60,
    modes: [],
  },
  "a dtype too wide": {
    op: "np.sort",
    instead: "np.sort(a[0], p.axis).astype('float32')",
    share: 0.03,
    programs: 40,
    modes: [],
  },
};

function programsWith({ programs = 8, ...fault }: Fault): Program[] {
  const found: Program[] = [];
  for (let seed = 0; found.length < programs && seed < 4 * programs; seed++)
    try {
      const program = generate(Rng.of(seed, 1), {
        only: [fault.op, "np.add", "np.multiply"],
        modes: fault.modes,
      });
      if (allSteps(program.main).some((s) => s.op === fault.op)) found.push(program);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  return found;
}

/** Whether results differ by more than neighbouring numbers do. */
function hasChanged(a: Outcome, b: Outcome): boolean {
  if (hasFailed(a) || hasFailed(b)) return hasFailed(a) !== hasFailed(b);
  return compareTypes(a.outs, b.outs, true) !== undefined || suspects(a.outs, b.outs).length > 0;
}

describe("finds", () => {
  test.each(Object.entries(FAULTS))(
    "%s",
    async (_, fault) => {
      const programs = programsWith(fault);
      let [changed, seen] = [0, 0];
      for (const program of programs) {
        const actual = runVariant(EAGER, program, { instead: { [fault.op]: fault.instead } });
        const side = weftSide(program, EAGER);
        const { findings } = await compare(program, "faulty", actual, side);
        if (hasChanged(actual, side.outcome)) changed++;
        if (findings.length > 0) seen++;
      }
      expect(changed / programs.length).toBeGreaterThanOrEqual(fault.share);
      expect(seen / changed).toBeGreaterThanOrEqual(fault.seen ?? 1);
    },
    600_000,
  );
});
