import { emitWasm } from "../../backends/wasm/index.ts";
import type { Buffer, Program } from "../../compiler/ir/nodes.ts";
import { donations } from "../../compiler/passes/donate.ts";
import { runPipeline } from "../../compiler/pipeline.ts";
import {
  countLoops,
  type Matmul,
  matmulsOf,
  residualsOf,
  type SerialLoop,
  serialLoopsOf,
} from "../../compiler/report.ts";
import { workOf } from "../../compiler/work.ts";
import { byteSize } from "../../core/dtype.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { type Decision, listen } from "../../core/journal.ts";
import { switchedOff } from "../../core/switches.ts";
import type { Tier } from "../config.ts";
import { engineTarget, lower, type Unit } from "./compile.ts";
import { planWithin } from "./fit.ts";
import { type Choice, chooseTier } from "./native/choice.ts";
import type { NativeHost } from "./native/host.ts";
import type { ThreadPool } from "./threads/pool.ts";

/** What became of a function: counted on its program, not estimated. */
export interface ProgramFacts {
  /** How the program runs. */
  readonly tier: "wasm" | "native" | "interp";
  /** Why that is so, in words. */
  readonly why: string;
  /** Threads that it may use. */
  readonly threads: number;
  /** How many of these could take part if it ran now, the calling one included. */
  readonly readyThreads: number;
  /** Why `config.threads` threads could not take part if it ran now, in words; undefined where they could. */
  readonly whyFewer: string | undefined;
  /** What `config.disable` leaves out. */
  readonly switchedOff: readonly string[];
  readonly loops: readonly SerialLoop[];
  readonly matmuls: readonly Matmul[];
  /** Floating-point operations of all matrix products. */
  readonly flops: number;
  /** Operations on elements in one run, those of products included: what tier "auto" decides by. */
  readonly work: number;
  /** What passes did, in their order. */
  readonly decisions: readonly Decision[];
  /** Loops whose iterations are spread over threads when there are several. */
  readonly parallelLoops: number;
  /** For results that take the memory of donated arguments: the numbers of both, as leaves. */
  readonly inPlace: readonly { readonly result: number; readonly argument: number }[];
  readonly bytes: {
    readonly arguments: number;
    readonly results: number;
    /** Memory for everything between, planned to be shared. */
    readonly temporaries: number;
    /**
     * What loops store step by step for loops that run backwards, and for sums over time after these ({@link residualsOf}). These
     * are temporaries: not counted are arguments and results that a backward loop reads.
     */
    readonly residuals: number;
    /** The WebAssembly module, or the C text. */
    readonly module: number;
  };
  /** The largest temporaries. */
  readonly largest: readonly { readonly name: string; readonly bytes: number }[];
  /** Time in weft's own compiler; a C compiler's comes on top of that. */
  readonly compileMs: number;
}

/** The conditions that a program is compiled under. */
export interface Conditions {
  readonly tier: Tier;
  readonly host: NativeHost | undefined;
  readonly memory: Unit["memory"];
  readonly threads: Threads;
  /** `config.threads`. */
  readonly wanted: number;
  readonly donated: readonly boolean[];
}

type Threads = Pick<ThreadPool, "limit" | "ready" | "impossible">;

const bytesOf = (b: Buffer): number => b.size * byteSize(b.dtype);
/** Threads that were started for more than are wanted now do not count. */
const readyOf = ({ limit, ready }: Threads): number => Math.min(limit, ready);

function whyFewer(threads: Threads, wanted: number): string | undefined {
  if (readyOf(threads) === wanted) return undefined;
  return threads.impossible ?? "the others have not started: `await init()` starts them and waits for them";
}

const total = (buffers: readonly Buffer[]): number => buffers.reduce((n, b) => n + bytesOf(b), 0);

/** Compiles a program once more, listening. */
export function programFacts(jaxpr: Jaxpr, conditions: Conditions): ProgramFacts {
  const start = performance.now();
  const [{ lowered, choice, program, arenaBytes, moduleBytes, inPlace }, decisions] = listen(() =>
    build(jaxpr, conditions),
  );
  const matmuls = matmulsOf(lowered.body);
  const largest = [...program.temps].sort((a, b) => bytesOf(b) - bytesOf(a)).slice(0, 5);
  const temps = new Set(program.temps);
  const residuals = residualsOf(lowered).filter((b) => temps.has(b));
  return {
    tier: choice.tier,
    why: choice.why,
    threads: conditions.threads.limit,
    readyThreads: readyOf(conditions.threads),
    whyFewer: whyFewer(conditions.threads, conditions.wanted),
    switchedOff: switchedOff(),
    loops: serialLoopsOf(lowered.body),
    matmuls,
    flops: matmuls.reduce((n, m) => n + m.flops, 0),
    work: workOf(lowered),
    decisions,
    parallelLoops: countLoops(program.body, "parallel"),
    inPlace: [...inPlace].map(([result, argument]) => ({ result, argument })),
    bytes: {
      arguments: total(program.args),
      results: total(program.outputs),
      temporaries: arenaBytes,
      residuals: total(residuals),
      module: moduleBytes,
    },
    largest: largest.map((b) => ({ name: b.name, bytes: bytesOf(b) })),
    compileMs: performance.now() - start,
  };
}

interface Built {
  readonly lowered: Program;
  readonly choice: Choice;
  readonly program: Program;
  readonly arenaBytes: number;
  readonly moduleBytes: number;
  readonly inPlace: ReadonlyMap<number, number>;
}

/** What the tier of the program would make of it. Programs for the interpreter are shown as they would be compiled. */
function build(jaxpr: Jaxpr, { tier, host, memory, threads, donated }: Conditions): Built {
  const lowered = lower(jaxpr);
  const choice = chooseTier(tier, lowered, host);
  const native = choice.tier === "native" ? choice.host : undefined;
  const target = native ? { ...native.target(), threads: threads.limit } : engineTarget(threads.limit);
  const program = runPipeline(lowered, target);
  const plan = planWithin(memory.limit, jaxpr, lowered, program);
  const moduleBytes = native
    ? native.source(program, plan).length
    : emitWasm(program, plan, target).bytes.length;
  const inPlace = donations(program, donated);
  return { lowered, choice, program, arenaBytes: plan.bytes, moduleBytes, inPlace };
}
