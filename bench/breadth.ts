/** What a run of the operations says: weft over the faster of its peers, operation by operation and on the whole. */
import { WEFT_FASTEST } from "./peers.ts";
import type { Outcome } from "./report.ts";
import { figure, type Table } from "./table.ts";

/** Who is compared. */
export const RIVALS: readonly string[] = ["JAX", "PyTorch"];
export const CONTESTANTS: readonly string[] = [...Object.values(WEFT_FASTEST), ...RIVALS];
/** What weft wants natively: on the whole, and at most of any operation. */
const TARGETS = { mean: 0.55, worst: 1.5 } as const;
/** So many of the worst are named. */
const NAMED = 5;

const secondsOf = ({ results }: Outcome, peer: string): number =>
  results.find((r) => r.peer === peer)?.seconds ?? Number.NaN;
const isKnown = (x: number): boolean => !Number.isNaN(x);

/** Time over that of the faster rival. */
const ratioOf = (outcome: Outcome, own: string): number =>
  secondsOf(outcome, own) / Math.min(...RIVALS.map((peer) => secondsOf(outcome, peer)).filter(isKnown));

/** A row per operation, worst first. */
export function breadthTable(outcomes: readonly Outcome[]): Table {
  const { native, wasm } = WEFT_FASTEST;
  const rows = outcomes.toSorted((a, b) => ratioOf(b, native) - ratioOf(a, native));
  return {
    head: ["ms", ...CONTESTANTS, "native / faster", "wasm / faster"],
    rows: rows.map((o) => [
      o.workload.title,
      ...CONTESTANTS.map((peer) => figure(1e3 * secondsOf(o, peer))),
      ...[native, wasm].map((own) => figure(ratioOf(o, own))),
    ]),
  };
}

const geometricMean = (xs: readonly number[]): number =>
  Math.exp(xs.reduce((total, x) => total + Math.log(x), 0) / xs.length);

/** The geometric mean of each tier, and which operations are worst. */
export function breadthLines(outcomes: readonly Outcome[]): string[] {
  return (["native", "wasm"] as const).flatMap((tier) => {
    const ratios = outcomes
      .map((o) => [o.workload.title, ratioOf(o, WEFT_FASTEST[tier])] as const)
      .filter(([, ratio]) => Number.isFinite(ratio))
      .toSorted(([, a], [, b]) => b - a);
    if (ratios.length === 0) return [];
    const worst = ratios.slice(0, NAMED).map(([title, ratio]) => `${title} ${figure(ratio)}`);
    const wanted = tier === "native" ? ` (targets ${TARGETS.mean}, and none above ${TARGETS.worst})` : "";
    const mean = figure(geometricMean(ratios.map(([, ratio]) => ratio)));
    return [
      `${WEFT_FASTEST[tier]} / faster of ${RIVALS.join(" and ")}: ${mean} over ${ratios.length} operations, worst ${worst.join(", ")}${wanted}`,
    ];
  });
}
