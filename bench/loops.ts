/**
 * Three ways to write the same deep RNN, as the guide on multi-layer RNNs compares them: what the training step costs to compile
 * and to run, and how large its program is, as sequences grow.
 */
import { grad, jit, lax, numpy as np, tree } from "weftjs";
import { uniform } from "./inputs.ts";
import { figure, type Table } from "./table.ts";

const [LAYERS, BATCH, HIDDEN] = [4, 16, 64];
const LENGTHS = [8, 32, 128];
/** A form that would take longer than this to compile is left out. */
const PATIENCE_MS = 120_000;

type Layer = { wx: np.Array; wh: np.Array; b: np.Array };
type Loss = (p: Layer, xs: np.Array) => np.Array;

const cell = (p: Layer, h: np.Array, x: np.Array): np.Array =>
  np.tanh(x.matmul(p.wx).add(h.matmul(p.wh)).add(p.b));
const layerOf = (p: Layer, l: number): Layer => ({ wx: p.wx.slice(l), wh: p.wh.slice(l), b: p.b.slice(l) });
const meanSquare = (ys: np.Array): np.Array => np.mean(np.square(ys));
const zeros = (): np.Array[] => Array.from({ length: LAYERS }, () => np.zeros([BATCH, HIDDEN]));

function climb(p: Layer, hs: readonly np.Array[], x: np.Array): np.Array[] {
  let signal = x;
  return hs.map((h, l) => (signal = cell(layerOf(p, l), h, signal)));
}

const unrolled: Loss = (p, xs) => {
  let hs = zeros();
  const out: np.Array[] = [];
  for (let t = 0; t < xs.shape[0]!; t++) {
    hs = climb(p, hs, xs.slice(t));
    out.push(hs.at(-1)!);
  }
  return meanSquare(np.stack(out));
};

const layersUnrolled: Loss = (p, xs) => {
  const body = (hs: np.Array[], x: np.Array): [np.Array[], np.Array] => {
    const next = climb(p, hs, x);
    return [next, next.at(-1)!];
  };
  return meanSquare(lax.scan(body, zeros(), xs)[1]);
};

const nested: Loss = (p, xs) => {
  const layer = (signal: np.Array, [q, h]: [Layer, np.Array]): [np.Array, np.Array] => {
    const h2 = cell(q, h, signal);
    return [h2, h2];
  };
  const step = (hs: np.Array, x: np.Array): [np.Array, np.Array] => {
    const [top, next] = lax.scan(layer, x, [p, hs] as [Layer, np.Array]);
    return [next, top];
  };
  return meanSquare(lax.scan(step, np.zeros([LAYERS, BATCH, HIDDEN]), xs)[1]);
};

const FORMS: Readonly<Record<string, Loss>> = {
  "loops of JavaScript": unrolled,
  "scan over time, layers unrolled": layersUnrolled,
  "two scans": nested,
};

interface LoopFigures {
  readonly form: string;
  readonly time: number;
  /** Milliseconds from the first call to its result; of one later call; bytes of the WebAssembly module. */
  readonly firstMs: number;
  readonly stepMs: number;
  readonly moduleBytes: number;
}

export interface LoopReport {
  readonly sizes: { readonly layers: number; readonly batch: number; readonly hidden: number };
  readonly figures: readonly LoopFigures[];
}

const array = (shape: readonly number[], seed: number, scale: number): np.Array =>
  np
    .array(
      uniform(
        shape.reduce((a, b) => a * b, 1),
        seed,
        scale,
      ),
    )
    .reshape(shape);

function parameters(): Layer {
  const scale = HIDDEN ** -0.5;
  return {
    wx: array([LAYERS, HIDDEN, HIDDEN], 1, scale),
    wh: array([LAYERS, HIDDEN, HIDDEN], 2, scale),
    b: array([LAYERS, HIDDEN], 3, scale),
  };
}

function measureForm(form: string, time: number): LoopFigures {
  const [params, xs] = [parameters(), array([time, BATCH, HIDDEN], 4, 1)];
  const step = jit((p: Layer, x: np.Array) => {
    const g = grad(FORMS[form]!)(p, x);
    return tree.map((w: np.Array, d: np.Array) => w.sub(d.mul(0.1)), p, g);
  });
  const start = performance.now();
  step(params, xs);
  const firstMs = performance.now() - start;
  const times = Array.from({ length: 30 }, () => {
    const begin = performance.now();
    step(params, xs);
    return performance.now() - begin;
  });
  const stepMs = times.toSorted((a, b) => a - b)[15]!;
  return { form, time, firstMs, stepMs, moduleBytes: step.lower(params, xs).cost().moduleBytes };
}

/** Measures every form at every length, as far as patience goes: compiling grows at least with the length. */
export function measureLoops(report: (text: string) => void): LoopReport {
  const figures: LoopFigures[] = [];
  for (const form of Object.keys(FORMS))
    for (const time of LENGTHS) {
      const before = figures.filter((f) => f.form === form).at(-1);
      if (before && before.firstMs * (time / before.time) > PATIENCE_MS) continue;
      report(`loops: ${form}, ${time} steps`);
      figures.push(measureForm(form, time));
    }
  return { sizes: { layers: LAYERS, batch: BATCH, hidden: HIDDEN }, figures };
}

export const loopTable = ({ figures }: LoopReport): Table => ({
  head: ["written as", "steps", "first call, ms", "later call, ms", "module, kB"],
  rows: figures.map((f) => [
    f.form,
    String(f.time),
    figure(f.firstMs),
    figure(f.stepMs),
    figure(f.moduleBytes / 1000),
  ]),
});
