/** How the training step of W1 grows with the length of the sequence, layers, batch and width. */
import { factsOf, measure } from "./measure.ts";
import type { Peer } from "./peer.ts";
import { familyOf } from "./peers.ts";
import { lineChart } from "./svg.ts";
import { figure, type Table } from "./table.ts";
import { type Sizes, WORKLOADS } from "./workloads.ts";

const BASE: Sizes = { layers: 2, batch: 16, hidden: 128, time: 64 };
const AXES: Readonly<Record<string, readonly number[]>> = {
  time: [64, 256, 1024, 4096],
  layers: [1, 2, 4, 8],
  batch: [1, 4, 16, 64, 128],
  hidden: [32, 64, 128, 256, 512, 1024],
};
const ROUNDS = 3;
const WORKLOAD = WORKLOADS.find((w) => w.id === "W1-train")!;

export interface ScalingPoint {
  readonly axis: string;
  readonly value: number;
  readonly peer: string;
  readonly ms: number;
  /** From nothing to the first result. */
  readonly firstMs: number;
  readonly facts: Readonly<Record<string, number>>;
}

/** Those peers whose times per step mean something over the whole range. */
const isCompared = (peer: Peer): boolean => /^(weft|JAX$|PyTorch$)/.test(peer.name);

type Point = Omit<ScalingPoint, "axis" | "value">;

async function measureAt(compared: readonly Peer[], sizes: Sizes): Promise<Point[]> {
  const { results } = await measure(compared, WORKLOAD, { rounds: ROUNDS, sizes });
  const points: Point[] = [];
  for (const { peer: name, seconds, first } of results) {
    const peer = compared.find((p) => p.name === name)!;
    const facts = familyOf(name) === "weft" ? await factsOf(peer, WORKLOAD, sizes) : {};
    points.push({ peer: name, ms: seconds * 1e3, firstMs: first * 1e3, facts });
  }
  return points;
}

export async function measureScaling(
  peers: readonly Peer[],
  report: (text: string) => void,
): Promise<ScalingPoint[]> {
  const compared = peers.filter(isCompared);
  const points: ScalingPoint[] = [];
  // All axes cross in one point, whose first call would be compiled already when the second axis comes to it.
  const known = new Map<string, Point[]>();
  for (const [axis, values] of Object.entries(AXES))
    for (const value of values) {
      report(`scaling: ${axis} = ${value}`);
      const sizes = { ...BASE, [axis]: value };
      const key = JSON.stringify(sizes);
      if (!known.has(key)) known.set(key, await measureAt(compared, sizes));
      points.push(...known.get(key)!.map((p) => ({ axis, value, ...p })));
    }
  return points;
}

const at = (
  points: readonly ScalingPoint[],
  axis: string,
  peer: string,
  value: number,
): ScalingPoint | undefined => points.find((p) => p.axis === axis && p.peer === peer && p.value === value);

/** Milliseconds per training step along one axis. */
export function scalingTable(points: readonly ScalingPoint[], axis: string): Table {
  const values = AXES[axis]!;
  const peers = [...new Set(points.map((p) => p.peer))];
  return {
    head: [`ms by ${axis}`, ...values.map(String)],
    rows: peers.map((peer) => [
      peer,
      ...values.map((v) => figure(at(points, axis, peer, v)?.ms ?? Number.NaN)),
    ]),
  };
}

/** First call and module size along time and layers: both should stay where they are. */
export function compileTable(points: readonly ScalingPoint[]): Table {
  const rows = ["time", "layers"].flatMap((axis) =>
    AXES[axis]!.flatMap((value) =>
      points
        .filter((p) => p.axis === axis && p.value === value)
        .map((p) => [
          `${axis} ${value}`,
          p.peer,
          figure(p.firstMs),
          p.facts.moduleBytes ? figure(p.facts.moduleBytes / 1000) : "–",
        ]),
    ),
  );
  return { head: ["", "peer", "first call, ms", "module, kB"], rows };
}

export function scalingChart(points: readonly ScalingPoint[], axis: string): string {
  const peers = [...new Set(points.map((p) => p.peer))];
  const lines = peers.map((label) => ({
    label,
    points: points
      .filter((p) => p.axis === axis && p.peer === label)
      .map((p): [number, number] => [p.value, p.ms]),
  }));
  return lineChart({
    title: `Training step by ${axis}`,
    x: axis,
    y: "ms per step",
    lines: lines.filter((l) => l.points.length > 0),
  });
}

export const scalingAxes: readonly string[] = Object.keys(AXES);
export const scalingBase: string = Object.entries(BASE)
  .map(([name, value]) => `${name} ${value}`)
  .join(", ");
