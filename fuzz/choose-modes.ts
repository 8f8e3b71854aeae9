/** Which transformations a program is run under. */
import { BACKWARDS } from "./modes.ts";
import { type ArrayType, isFloat, type Mode, sizeOf } from "./program.ts";
import type { Rng } from "./rng.ts";

export interface Signature {
  readonly inputs: readonly ArrayType[];
  readonly outs: readonly ArrayType[];
}

interface Applied {
  readonly mode: Mode;
  readonly signature: Signature;
}

/** Results of transformations stay smaller than this. */
const LIMIT = 400;

const floatsOf = (types: readonly ArrayType[]): number[] =>
  types.flatMap((t, i) => (isFloat(t.dtype) ? [i] : []));

function batched(rng: Rng, { inputs, outs }: Signature): Applied {
  const size = rng.int(1, 3);
  const axes: (number | null)[] = inputs.map((t) => (rng.chance(0.3) ? null : rng.int(0, t.shape.length)));
  if (!axes.some((axis) => axis !== null)) axes[0] = 0;
  const outAxes = outs.map((t) => (rng.chance(0.2) ? -1 : rng.int(0, t.shape.length)));
  const add = (t: ArrayType, axis: number | null): ArrayType =>
    axis === null ? t : { ...t, shape: t.shape.toSpliced(axis < 0 ? t.shape.length : axis, 0, size) };
  return {
    mode: { kind: "vmap", params: { in: axes, out: outAxes } },
    signature: {
      inputs: inputs.map((t, i) => add(t, axes[i]!)),
      outs: outs.map((t, i) => add(t, outAxes[i]!)),
    },
  };
}

/** What the results of a derivative look like. */
const DERIVED: Readonly<Record<string, (floats: ArrayType[], wrt: ArrayType[]) => ArrayType[]>> = {
  grad: (_, wrt) => wrt,
  valueAndGrad: (_, wrt) => [{ shape: [], dtype: "float32" }, ...wrt],
  jvp: (floats) => [...floats, ...floats],
  linearize: (floats) => [...floats, ...floats],
  vjp: (floats, wrt) => [...floats, ...wrt],
  hvp: (_, wrt) => wrt,
  jacfwd: (floats, wrt) => floats.map((t) => ({ ...t, shape: [...t.shape, ...wrt[0]!.shape] })),
  jacrev: (floats, wrt) => floats.map((t) => ({ ...t, shape: [...t.shape, ...wrt[0]!.shape] })),
  hessian: (_, wrt) => [{ ...wrt[0]!, shape: [...wrt[0]!.shape, ...wrt[0]!.shape] }],
};

function derived(rng: Rng, kind: string, { inputs, outs }: Signature): Applied | undefined {
  const candidates = rng.shuffled(floatsOf(inputs));
  const floats = floatsOf(outs).map((i) => outs[i]!);
  if (candidates.length === 0 || floats.length === 0) return undefined;
  const wrt = candidates.slice(0, rng.int(1, candidates.length)).sort((a, b) => a - b);
  const results = DERIVED[kind]!(
    floats,
    wrt.map((i) => inputs[i]!),
  );
  if (results.reduce((n, t) => n + sizeOf(t.shape), 0) > LIMIT) return undefined;
  return { mode: { kind, params: { wrt } }, signature: { inputs, outs: results } };
}

const WEIGHTS: Readonly<Record<string, number>> = {
  jit: 1,
  checkpoint: 0.3,
  vmap: 3,
  grad: 3,
  valueAndGrad: 0.5,
  jvp: 2,
  vjp: 2,
  linearize: 1,
  jacfwd: 0.7,
  jacrev: 0.7,
  hessian: 0.4,
  hvp: 1,
};

function apply(rng: Rng, kind: string, signature: Signature): Applied | undefined {
  if (kind === "vmap") return batched(rng, signature);
  if (kind in DERIVED) return derived(rng, kind, signature);
  return { mode: { kind, params: {} }, signature };
}

/** None, one or some, innermost first; and the inputs that the transformed function takes. */
export function chooseModes(
  rng: Rng,
  signature: Signature,
  backwards: boolean,
  only?: readonly string[],
): { modes: Mode[]; inputs: readonly ArrayType[] } {
  const kinds = Object.keys(WEIGHTS).filter(
    (k) => (only?.includes(k) ?? true) && (backwards || !BACKWARDS.has(k)),
  );
  const modes: Mode[] = [];
  const count = rng.weighted([0, 1, 2, 3], (n) => [2, 5, 3, 1][n]!);
  for (let k = 0; k < count && kinds.length > 0; k++) {
    const applied = apply(
      rng,
      rng.weighted(kinds, (kind) => WEIGHTS[kind]!),
      signature,
    );
    if (!applied) continue;
    modes.push(applied.mode);
    signature = applied.signature;
  }
  return { modes, inputs: signature.inputs };
}
