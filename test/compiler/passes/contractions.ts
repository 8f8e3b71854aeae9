/** Contractions to test with: operands laid out by axis letters, and a choice of epilogues. */

import { strided } from "../../../src/compiler/ir/affine.ts";
import {
  addAffine,
  binaryExpr,
  constant,
  constExpr,
  convertExpr,
  loadExpr,
  localExpr,
  newBuffer,
  newLocal,
  newLoopVar,
  scaledAtom,
  unaryExpr,
} from "../../../src/compiler/ir/build.ts";
import type {
  Buffer,
  Contract,
  Expr,
  Local,
  LoopVar,
  Program,
  Stmt,
} from "../../../src/compiler/ir/nodes.ts";
import { DTYPES, type DType, type TypedArray } from "../../../src/core/dtype.ts";

export type EpilogueName = "store" | "accumulate" | "two stores" | "divided" | "strided" | "long";

export interface Spec {
  readonly extents: Readonly<Record<string, number>>;
  /** Letters of the axes in memory, outermost first; what both operands and `out` have is batch. */
  readonly lhs: string;
  readonly rhs: string;
  readonly out: string;
  readonly dtype?: DType;
  readonly epilogue?: EpilogueName;
  /** Wraps the contraction in a serial loop; lhs and out move with it, rhs stays. */
  readonly steps?: number;
}

const volume = (spec: Spec, axes: string): number =>
  [...axes].reduce((product, a) => product * spec.extents[a]!, 1);
const stridesOf = (spec: Spec, layout: string, axes: string): number[] =>
  [...axes].map((a) => (layout.includes(a) ? volume(spec, layout.slice(layout.indexOf(a) + 1)) : 0));

/** A program that computes one contraction (per step). */
export function contraction(spec: Spec): Program {
  const { lhs, rhs, out, dtype = "float32", epilogue = "store", steps = 1 } = spec;
  const pick = (from: string, keep: (a: string) => boolean): string => [...from].filter(keep).join("");
  const batch = pick(lhs, (a) => rhs.includes(a) && out.includes(a));
  const m = pick(lhs, (a) => !rhs.includes(a));
  const n = pick(rhs, (a) => !lhs.includes(a));
  const k = pick(lhs, (a) => rhs.includes(a) && !out.includes(a));
  const t = newLoopVar("t");
  const base = (layout: string) => (steps === 1 ? constant(0) : scaledAtom(t, volume(spec, layout)));
  const x = newBuffer("x", dtype, steps * volume(spec, lhs), "argument");
  const w = newBuffer("w", dtype, volume(spec, rhs), "argument");
  const vars = [...(batch + m + n)].map((a) => newLoopVar(a));
  const place = strided(base(out), stridesOf(spec, out, batch + m + n), vars);
  const acc = newLocal("acc", dtype);
  const made = EPILOGUES[epilogue]({ acc, place, size: steps * volume(spec, out), vars });
  const extents = (axes: string): number[] => [...axes].map((a) => spec.extents[a]!);
  const contract: Contract = {
    kind: "contract",
    dtype,
    lhs: {
      buffer: x,
      base: base(lhs),
      batch: stridesOf(spec, lhs, batch),
      free: stridesOf(spec, lhs, m),
      reduced: stridesOf(spec, lhs, k),
    },
    rhs: {
      buffer: w,
      base: constant(0),
      batch: stridesOf(spec, rhs, batch),
      free: stridesOf(spec, rhs, n),
      reduced: stridesOf(spec, rhs, k),
    },
    batchExtents: extents(batch),
    mExtents: extents(m),
    nExtents: extents(n),
    kExtents: extents(k),
    vars,
    acc,
    epilogue: made.body,
  };
  const body: Stmt[] =
    steps === 1
      ? [contract]
      : [{ kind: "for", v: t, extent: steps, mode: "serial", lanes: 1, body: [contract] }];
  return { args: [x, w, ...made.args], outputs: made.outputs, temps: [], body };
}

interface Context {
  readonly acc: Local;
  readonly place: ReturnType<typeof strided>;
  readonly size: number;
  readonly vars: readonly LoopVar[];
}
interface Made {
  readonly args: Buffer[];
  readonly outputs: Buffer[];
  readonly body: Stmt[];
}

const EPILOGUES: Readonly<Record<EpilogueName, (c: Context) => Made>> = {
  store: ({ acc, place, size }) => {
    const y = newBuffer("y", acc.dtype, size, "output");
    return {
      args: [],
      outputs: [y],
      body: [{ kind: "store", buffer: y, index: place, value: localExpr(acc) }],
    };
  },
  /** y = c + acc. */
  accumulate: ({ acc, place, size }) => {
    const [c, y] = [newBuffer("c", acc.dtype, size, "argument"), newBuffer("y", acc.dtype, size, "output")];
    const value = binaryExpr("add", loadExpr(c, place), localExpr(acc));
    return { args: [c], outputs: [y], body: [{ kind: "store", buffer: y, index: place, value }] };
  },
  /** y = acc + bias, z = max(y, 0); the bias varies along the last axis of the result. */
  "two stores": ({ acc, place, size, vars }) => {
    const bias = newBuffer("bias", acc.dtype, size, "argument");
    const [y, z] = [newBuffer("y", acc.dtype, size, "output"), newBuffer("z", acc.dtype, size, "output")];
    const h = newLocal("h", acc.dtype);
    const last = vars.at(-1);
    const value = binaryExpr("add", localExpr(acc), loadExpr(bias, last ? scaledAtom(last) : constant(0)));
    return {
      args: [bias],
      outputs: [y, z],
      body: [
        { kind: "let", local: h, value },
        { kind: "store", buffer: y, index: place, value: localExpr(h) },
        {
          kind: "store",
          buffer: z,
          index: place,
          value: binaryExpr("max", unaryExpr("neg", localExpr(h)), constExpr(0, acc.dtype)),
        },
      ],
    };
  },
  /** Too much to stand once for each row of a tile. */
  long: ({ acc, place, size }) => {
    const [c, y] = [newBuffer("c", acc.dtype, size, "argument"), newBuffer("y", acc.dtype, size, "output")];
    const step = (x: Expr, i: number): Expr =>
      binaryExpr(i % 2 === 0 ? "max" : "sub", binaryExpr("add", x, localExpr(acc)), loadExpr(c, place));
    const value = Array.from({ length: 8 }).reduce<Expr>((x, _, i) => step(x, i), localExpr(acc));
    return { args: [c], outputs: [y], body: [{ kind: "store", buffer: y, index: place, value }] };
  },
  /** No vector form. */
  divided: ({ acc, place, size }) => {
    const y = newBuffer("y", "int32", size, "output");
    const value = binaryExpr("div", convertExpr(localExpr(acc), "int32"), constExpr(3, "int32"));
    return { args: [], outputs: [y], body: [{ kind: "store", buffer: y, index: place, value }] };
  },
  /** Every second element, and none is contiguous. */
  strided: ({ acc, place, size }) => {
    const y = newBuffer("y", acc.dtype, 2 * size, "output");
    const even = addAffine(place, place);
    return {
      args: [],
      outputs: [y],
      body: [0, 1].map((odd) => ({
        kind: "store",
        buffer: y,
        index: addAffine(even, constant(odd)),
        value: localExpr(acc),
      })),
    };
  },
};

/** Small whole numbers, so that sums are exact in any order; none is 0, so that there is no -0. */
export function argumentsOf(program: Program): TypedArray[] {
  return program.args.map((b, which) => {
    const unsigned = DTYPES[b.dtype].kind === "uint" ? 0 : 4;
    return new DTYPES[b.dtype].array(new ArrayBuffer(b.size * DTYPES[b.dtype].bytes)).map(
      (_: number, i: number) => ((i * 7 + which * 3 + (i >> 3)) % 9) - unsigned || 1,
    ) as TypedArray;
  });
}
