/** How the training step of W1 grows with the length of the sequence, layers, batch and width. */
import { type Measured, measure } from "./measure.ts";
import type { Peer } from "./peer.ts";
import { familyOf, WEFT_FASTEST } from "./peers.ts";
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
/**
 * Sizes that time should be proportional to, and programs independent of: what one of it is called, and the value that others are
 * compared with, past what a call costs by itself.
 */
const LINEAR: Readonly<Record<string, { readonly unit: string; readonly base: number }>> = {
  time: { unit: "step", base: 256 },
  layers: { unit: "layer", base: 2 },
};
const ROUNDS = 3;
const WORKLOAD = WORKLOADS.find((w) => w.id === "W1-train")!;

export interface ScalingPoint {
  readonly axis: string;
  readonly value: number;
  readonly peer: string;
  readonly ms: number;
  /** What its program cost to make: for weft, along the sizes that should not matter. */
  readonly program: ProgramCost | undefined;
}

interface ProgramCost {
  /** Milliseconds from tracing to WebAssembly or C, and in the compiler that takes it from there. */
  readonly compileMs: number;
  readonly compilerMs: number;
  readonly moduleBytes: number;
}

/** Those peers whose times per step mean something over the whole range. */
const isCompared = (peer: Peer): boolean => /^(weft|JAX$|PyTorch$)/.test(peer.name);
const peersOf = (points: readonly ScalingPoint[]): string[] => [...new Set(points.map((p) => p.peer))];

type Point = Omit<ScalingPoint, "axis" | "value">;

/** Asked for right after the measurement, of the program that was measured. */
async function costOf(peer: Peer, { compiler }: Measured): Promise<ProgramCost> {
  const { compileMs, moduleBytes } = await peer.ask({ facts: true });
  return {
    compileMs: Number(compileMs),
    compilerMs: compiler * 1e3,
    moduleBytes: Number(moduleBytes),
  };
}

async function measureAt(compared: readonly Peer[], sizes: Sizes, withCost: boolean): Promise<Point[]> {
  const { results } = await measure(compared, WORKLOAD, { rounds: ROUNDS, sizes });
  const points: Point[] = [];
  for (const measured of results) {
    const peer = compared.find((p) => p.name === measured.peer)!;
    const program = withCost && familyOf(peer.name) === "weft" ? await costOf(peer, measured) : undefined;
    points.push({ peer: peer.name, ms: measured.seconds * 1e3, program });
  }
  return points;
}

export async function measureScaling(
  peers: readonly Peer[],
  report: (text: string) => void,
): Promise<ScalingPoint[]> {
  const compared = peers.filter(isCompared);
  const points: ScalingPoint[] = [];
  // All axes cross in one point.
  const known = new Map<string, Point[]>();
  for (const [axis, values] of Object.entries(AXES))
    for (const value of values) {
      report(`scaling: ${axis} = ${value}`);
      const sizes = { ...BASE, [axis]: value };
      const key = JSON.stringify(sizes);
      if (!known.has(key)) known.set(key, await measureAt(compared, sizes, axis in LINEAR));
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
  return {
    head: [`ms by ${axis}`, ...values.map(String)],
    rows: peersOf(points).map((peer) => [
      peer,
      ...values.map((v) => figure(at(points, axis, peer, v)?.ms ?? Number.NaN)),
    ]),
  };
}

/** How time grows in proportion to an axis: 1.00 where the time per step (or layer) is that of the base. */
export function linearityTable(points: readonly ScalingPoint[], axis: string): Table {
  const { unit, base } = LINEAR[axis]!;
  const cell = (peer: string, value: number): string => {
    const [here, there] = [at(points, axis, peer, value), at(points, axis, peer, base)];
    return here && there ? (here.ms / value / (there.ms / base)).toFixed(2) : "–";
  };
  return {
    head: [`time per ${unit}, as a multiple of that at ${base}`, ...AXES[axis]!.map(String)],
    rows: peersOf(points).map((peer) => [peer, ...AXES[axis]!.map((v) => cell(peer, v))]),
  };
}

/** What is said about a program: the name of the row, and its figure. */
const COSTS: readonly (readonly [name: string, of: (program: ProgramCost) => number])[] = [
  ["tracing, passes and code, ms", (p) => p.compileMs],
  ["compiler below, ms", (p) => p.compilerMs],
  ["code, kB", (p) => p.moduleBytes / 1000],
];

/** What the program costs to make along an axis: neither time nor layers should change it. */
export function compileTable(points: readonly ScalingPoint[], axis: string): Table {
  const measured = Object.values(WEFT_FASTEST).filter((own) => points.some((p) => p.peer === own));
  const row = (peer: string, of: (program: ProgramCost) => number): string[] =>
    AXES[axis]!.map((value) => {
      const program = at(points, axis, peer, value)?.program;
      return program ? figure(of(program)) : "–";
    });
  return {
    head: [`compiling by ${axis}`, ...AXES[axis]!.map(String)],
    rows: measured.flatMap((peer) => COSTS.map(([name, of]) => [`${peer}: ${name}`, ...row(peer, of)])),
  };
}

/** All tables of an axis, in the order in which they are shown. */
export const tablesOf = (points: readonly ScalingPoint[], axis: string): Table[] => [
  scalingTable(points, axis),
  ...(axis in LINEAR ? [linearityTable(points, axis), compileTable(points, axis)] : []),
];

export function scalingChart(points: readonly ScalingPoint[], axis: string): string {
  const lines = peersOf(points).map((label) => ({
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
