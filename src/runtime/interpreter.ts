import { interpret } from "../backends/interp/index.ts";
import type { Program } from "../compiler/ir/nodes.ts";
import { lowerJaxpr } from "../compiler/lower/index.ts";
import { prepare } from "../compiler/prepare.ts";
import { DeviceArray } from "../core/array.ts";
import type { TypedArray } from "../core/dtype.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import { planWithin } from "./fit.ts";
import { type Executable, freeDonated, type Runtime } from "./runtime.ts";
import type { Storage } from "./storage.ts";

/** Runs the loop IR as it was lowered, without passes and without WebAssembly: what compiled code must agree with. */
export class InterpretedExecutable implements Executable {
  private readonly program: Program;
  private readonly runtime: Runtime;

  constructor(program: Program, runtime: Runtime) {
    this.program = program;
    this.runtime = runtime;
  }

  run(jaxpr: Jaxpr, args: readonly DeviceArray[], donated?: readonly boolean[]): DeviceArray[] {
    const values = interpret(
      this.program,
      args.map((x) => x.dataSync()),
    );
    freeDonated(args, donated);
    return values.map((value, i) => new DeviceArray(jaxpr.outs[i]!.aval, this.adopt(value)));
  }

  private adopt({ buffer, byteOffset, byteLength }: TypedArray): Storage {
    return this.runtime.residency.adopt(new Uint8Array(buffer, byteOffset, byteLength).slice(), false);
  }
}

/** Lowers and keeps the program. Throws {@link OutOfMemoryError} as compiling does. */
export function interpretJaxpr(jaxpr: Jaxpr, runtime: Runtime): Executable {
  const program = lowerJaxpr(prepare(jaxpr));
  planWithin(runtime.memory.limit, jaxpr, program, program);
  return new InterpretedExecutable(program, runtime);
}
