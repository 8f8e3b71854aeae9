import { interpret } from "#platform";
import type { Program } from "../../compiler/ir/nodes.ts";
import { lowerJaxpr } from "../../compiler/lower/index.ts";
import type { MemoryPlan } from "../../compiler/passes/plan.ts";
import { prepare } from "../../compiler/prepare.ts";
import { DeviceArray } from "../../core/array.ts";
import type { TypedArray } from "../../core/dtype.ts";
import { WeftValueError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { planWithin } from "./fit.ts";
import { type Executable, freeDonated, type Runtime } from "./runtime.ts";
import type { Storage } from "./storage.ts";

type Interpret = NonNullable<typeof interpret>;

/** Runs a program of the loop IR in the memory that is planned for it, and checks every access. */
export class InterpretedExecutable implements Executable {
  readonly #program: Program;
  readonly #plan: MemoryPlan;
  readonly #runtime: Runtime;
  readonly #interpret: Interpret;

  constructor(program: Program, plan: MemoryPlan, runtime: Runtime, interpret: Interpret) {
    this.#interpret = interpret;
    this.#program = program;
    this.#plan = plan;
    this.#runtime = runtime;
  }

  run(jaxpr: Jaxpr, args: readonly DeviceArray[], donated?: readonly boolean[]): DeviceArray[] {
    const values = this.#interpret(
      this.#program,
      args.map((x) => x.dataSync()),
      undefined,
      "forward",
      this.#plan,
    );
    freeDonated(args, donated);
    return values.map((value, i) => new DeviceArray(jaxpr.outs[i]!.aval, this.#adopt(value)));
  }

  #adopt({ buffer, byteOffset, byteLength }: TypedArray): Storage {
    return this.#runtime.residency.adopt(new Uint8Array(buffer, byteOffset, byteLength).slice(), false);
  }
}

/**
 * Lowers and keeps the program: without passes and without machine code, it is what compiled code must agree with. Throws
 * {@link OutOfMemoryError} as compiling does.
 */
export function interpretJaxpr(jaxpr: Jaxpr, runtime: Runtime): Executable {
  if (!interpret)
    throw new WeftValueError('config.tier = "interp": there is no interpreter in pages; use "wasm".');
  const program = lowerJaxpr(prepare(jaxpr));
  const plan = planWithin(runtime.memory.limit, jaxpr, program, program);
  return new InterpretedExecutable(program, plan, runtime, interpret);
}
