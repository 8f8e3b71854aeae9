import type { CText } from "../../backends/c/index.ts";
import type { WasmCode } from "../../backends/wasm/index.ts";
import type { Buffer } from "../../compiler/ir/nodes.ts";
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
import { type Backend, type Built, build, type Conditions, sourceOf } from "./backend.ts";
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
interface Settings extends Conditions {
  readonly tier: Tier;
  readonly host: NativeHost | undefined;
  readonly threads: Threads;
  readonly backends: { readonly wasm: Backend<WasmCode>; readonly native: Backend<CText> | undefined };
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
export function programFacts(jaxpr: Jaxpr, conditions: Settings): ProgramFacts {
  const start = performance.now();
  const [{ lowered, choice, program, plan, moduleBytes, inPlace }, decisions] = listen(() =>
    explained(jaxpr, conditions),
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
      temporaries: plan.bytes,
      residuals: total(residuals),
      module: moduleBytes,
    },
    largest: largest.map((b) => ({ name: b.name, bytes: bytesOf(b) })),
    compileMs: performance.now() - start,
  };
}

interface Explained extends Built {
  readonly choice: Choice;
  readonly moduleBytes: number;
}

/** What the tier of the program would make of it. Programs for the interpreter are shown as they would be compiled. */
function explained(jaxpr: Jaxpr, { tier, host, backends, donated, ...conditions }: Settings): Explained {
  const source = sourceOf(jaxpr, donated);
  const choice = chooseTier(tier, source.lowered, host);
  const measured = <Code>(backend: Backend<Code>): Explained => {
    const built = build(backend, source, conditions);
    return { ...built, choice, moduleBytes: backend.sizeOf(backend.emit(built)) };
  };
  return choice.tier === "native" && backends.native ? measured(backends.native) : measured(backends.wasm);
}
