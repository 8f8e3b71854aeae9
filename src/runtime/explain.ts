import { emitWasm } from "../backends/wasm/index.ts";
import type { Buffer } from "../compiler/ir/nodes.ts";
import { lowerJaxpr } from "../compiler/lower/index.ts";
import { planMemory } from "../compiler/passes/plan.ts";
import { runPipeline } from "../compiler/pipeline.ts";
import { prepare } from "../compiler/prepare.ts";
import { countLoops, type Matmul, matmulsOf, type SerialLoop, serialLoopsOf } from "../compiler/report.ts";
import { byteSize } from "../core/dtype.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import { type Decision, listen } from "../core/journal.ts";
import { engineTarget } from "./compile.ts";

/** What became of a function: counted on its programs, not estimated. */
export interface ProgramFacts {
  readonly loops: readonly SerialLoop[];
  readonly matmuls: readonly Matmul[];
  /** Floating-point operations of all matrix products. */
  readonly flops: number;
  readonly decisions: readonly Decision[];
  /** Nests that are split over threads when there are several. */
  readonly parallelLoops: number;
  readonly bytes: {
    readonly arguments: number;
    readonly results: number;
    /** Memory for everything between, planned to be shared. */
    readonly temporaries: number;
    readonly module: number;
  };
  /** The largest temporaries. */
  readonly largest: readonly { readonly name: string; readonly bytes: number }[];
  readonly compileMs: number;
}

const bytesOf = (b: Buffer): number => b.size * byteSize(b.dtype);
const total = (buffers: readonly Buffer[]): number => buffers.reduce((n, b) => n + bytesOf(b), 0);

/** Compiles a program once more, listening. */
export function programFacts(jaxpr: Jaxpr): ProgramFacts {
  const target = engineTarget();
  const start = performance.now();
  const [{ lowered, program, plan, code }, decisions] = listen(() => {
    const lowered = lowerJaxpr(prepare(jaxpr));
    const program = runPipeline(lowered, target);
    const plan = planMemory(program);
    return { lowered, program, plan, code: emitWasm(program, plan, target) };
  });
  const matmuls = matmulsOf(lowered.body);
  const largest = [...program.temps].sort((a, b) => bytesOf(b) - bytesOf(a)).slice(0, 5);
  return {
    loops: serialLoopsOf(lowered.body),
    matmuls,
    flops: matmuls.reduce((n, m) => n + m.flops, 0),
    decisions,
    parallelLoops: countLoops(program.body, "parallel"),
    bytes: {
      arguments: total(program.args),
      results: total(program.outputs),
      temporaries: plan.bytes,
      module: code.bytes.length,
    },
    largest: largest.map((b) => ({ name: b.name, bytes: bytesOf(b) })),
    compileMs: performance.now() - start,
  };
}
