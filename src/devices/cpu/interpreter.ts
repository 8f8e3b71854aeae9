/** Programs run by the interpreter of the loop IR: what compiled code must agree with. */
import { interpret } from "#tiers";
import type { Program } from "../../compiler/ir/nodes.ts";
import type { MemoryPlan } from "../../compiler/passes/plan.ts";
import { wasmTarget } from "../../compiler/target.ts";
import { DeviceArray } from "../../core/array.ts";
import type { TypedArray } from "../../core/dtype.ts";
import { WeftValueError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import type { Backend } from "./backend.ts";
import { type Executable, freeDonated, type Runtime } from "./runtime.ts";
import type { Storage } from "./storage.ts";

type Interpret = NonNullable<typeof interpret>;

/** Programs as the lowering made them, without passes and without machine code. */
export const interpBackend: Backend<Interpret> = {
  name: "interp",
  target: (threads) => wasmTarget({}, threads),
  pipeline: [],
  emit: () => {
    if (interpret) return interpret;
    throw new WeftValueError('config.tier = "interp": there is no interpreter in pages; use "wasm".');
  },
  sizeOf: () => 0,
  load: (run, { program, plan }, runtime) => new InterpretedExecutable(program, plan, runtime, run),
};

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
