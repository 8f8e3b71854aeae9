/** What a run of the workloads says: figures, ratios, a chart. */
import type { Measured, Refusal } from "./measure.ts";
import { familyOf } from "./peers.ts";
import { type BarGroup, barChart } from "./svg.ts";
import { figure, type Table } from "./table.ts";
import { inUnit, type Workload } from "./workloads.ts";

export interface Outcome {
  readonly workload: Workload;
  readonly results: readonly Measured[];
  readonly refusals: readonly Refusal[];
}

const heading = ({ workload }: Outcome): string => `${workload.id} (${workload.unit})`;
const peersOf = (outcomes: readonly Outcome[]): string[] => [
  ...new Set(outcomes.flatMap((o) => o.results.map((r) => r.peer))),
];

/** Medians in each workload's unit; a star where only a part of the steps was timed and scaled. */
export function figuresTable(outcomes: readonly Outcome[]): Table {
  const cell = ({ workload, results }: Outcome, peer: string): string => {
    const r = results.find((m) => m.peer === peer);
    return r ? `${figure(inUnit(workload, r.seconds))}${r.scale === 1 ? "" : "*"}` : "–";
  };
  return {
    head: ["", ...outcomes.map(heading)],
    rows: peersOf(outcomes).map((peer) => [peer, ...outcomes.map((o) => cell(o, peer))]),
  };
}

const bestOf = ({ results }: Outcome, family: string): number =>
  Math.min(...results.filter((r) => familyOf(r.peer) === family).map((r) => r.seconds));

/** Time of weft over time of each peer, both by their best variant: below 1, weft is faster. */
export function ratioTable(outcomes: readonly Outcome[]): Table {
  const families = [...new Set(peersOf(outcomes).map(familyOf))].filter((f) => f !== "weft");
  const ratio = (o: Outcome, family: string): string => {
    const [own, other] = [bestOf(o, "weft"), bestOf(o, family)];
    return Number.isFinite(own) && Number.isFinite(other) ? figure(own / other) : "–";
  };
  return {
    head: ["weft / peer", ...outcomes.map(({ workload }) => workload.id)],
    rows: families.map((family) => [family, ...outcomes.map((o) => ratio(o, family))]),
  };
}

export function workloadChart(outcomes: readonly Outcome[]): string {
  const group = ({ workload, results }: Outcome): BarGroup => ({
    title: `${workload.title} (${workload.unit})`,
    bars: results.map((r) => {
      const value = inUnit(workload, r.seconds);
      return { label: r.peer, value, text: figure(value), highlight: familyOf(r.peer) === "weft" };
    }),
  });
  return barChart("Medians, logarithmic scale", outcomes.filter((o) => o.results.length > 0).map(group));
}

/** Why somebody is missing, once per reason. */
export function refusalLines(outcomes: readonly Outcome[]): string[] {
  const lines = outcomes.flatMap((o) => o.refusals.map((r) => `${r.peer}: ${o.workload.id} ${r.why}`));
  return [...new Set(lines)];
}
