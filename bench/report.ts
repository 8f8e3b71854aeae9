/** What a run of the workloads says: figures, ratios, a chart. */
import type { Measured, Refusal } from "./measure.ts";
import { familyOf, WEFT_FASTEST } from "./peers.ts";
import { type BarGroup, barChart } from "./svg.ts";
import { figure, type Table } from "./table.ts";
import {
  COMPARISONS,
  type Comparison,
  EFFICIENCY,
  gflops,
  inUnit,
  WORKLOADS,
  type Workload,
} from "./workloads.ts";

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

const bestOf = ({ results }: Outcome, peers: RegExp): number =>
  Math.min(...results.filter((r) => peers.test(r.peer)).map((r) => r.seconds));

/** "0.46 (0.35)": what was reached, and what shall be. */
function ratio(outcome: Outcome, { tier, peers, targets }: Comparison): string {
  const own = outcome.results.find((r) => r.peer === WEFT_FASTEST[tier])?.seconds ?? Number.NaN;
  const other = bestOf(outcome, peers);
  if (!Number.isFinite(own) || !Number.isFinite(other)) return "–";
  const target = targets[WORKLOADS.findIndex((w) => w.id === outcome.workload.id)];
  return `${figure(own / other)}${target === undefined ? "" : ` (${target})`}`;
}

/** Time of weft over time of a peer, with the target in brackets; rows for those that were measured. */
export function ratioTable(outcomes: readonly Outcome[]): Table {
  const names = peersOf(outcomes);
  const present = COMPARISONS.filter(
    (c) => names.includes(WEFT_FASTEST[c.tier]) && names.some((name) => c.peers.test(name)),
  );
  return {
    head: ["time (target)", ...outcomes.map(({ workload }) => workload.id)],
    rows: present.map((c) => [`${WEFT_FASTEST[c.tier]} / ${c.label}`, ...outcomes.map((o) => ratio(o, c))]),
  };
}

/** How near the training step comes to weft's own matrix product; nothing where one of the two is missing. */
export function efficiencyLines(outcomes: readonly Outcome[]): string[] {
  const own = WEFT_FASTEST.native;
  const rate = (id: string): number => {
    const outcome = outcomes.find((o) => o.workload.id === id);
    const seconds = outcome?.results.find((r) => r.peer === own)?.seconds;
    return outcome && seconds ? gflops(outcome.workload, seconds) : Number.NaN;
  };
  const { workload, product, target } = EFFICIENCY;
  const [reached, most] = [rate(workload), rate(product)];
  if (!Number.isFinite(reached / most)) return [];
  const percent = (x: number): string => `${Math.round(100 * x)} %`;
  return [
    `${own}: ${workload} runs at ${figure(reached)} GFLOP/s, ${percent(reached / most)} of ${product} (target ${percent(target)})`,
  ];
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
