import type { NDArray } from "../../core/array.ts";
import { type Atom, type Eqn, Jaxpr, Literal, Var } from "../../core/jaxpr.ts";
import { type LoopParams, loopInputs } from "../../core/loop.ts";
import { evalJaxpr, literalValue } from "../../core/stage.ts";
import { batchFlat, moveBatchAxis } from "../batch.ts";

/** The values of a loop's body for all iterations at once: stacked along a leading axis those that vary, the others as they are. */
export class Stacks {
  readonly #length: number;
  readonly #values = new Map<Atom, readonly [value: NDArray, axis: 0 | null]>();

  constructor(length: number) {
    this.#length = length;
  }

  /** What a loop with these operands reads: its constants and xs. */
  static of(p: LoopParams, inputs: readonly NDArray[]): Stacks {
    const stacks = new Stacks(p.length);
    const [ins, args] = [loopInputs(p.jaxpr.invars, p), loopInputs(inputs, p)];
    ins.consts.forEach((v, i) => stacks.fix(v, args.consts[i]!));
    ins.xs.forEach((v, i) => stacks.put(v, args.xs[i]!));
    return stacks;
  }

  fix(v: Var, value: NDArray): void {
    this.#values.set(v, [value, null]);
  }
  put(v: Var, stack: NDArray): void {
    this.#values.set(v, [stack, 0]);
  }

  varies(a: Atom): boolean {
    return this.#values.get(a)?.[1] === 0;
  }
  /** The stack of a value that varies, else the value. */
  read(a: Atom): NDArray {
    return a instanceof Literal ? literalValue(a) : this.#values.get(a)![0];
  }
  stacked(a: Atom): NDArray {
    return this.varies(a) ? this.read(a) : moveBatchAxis(this.read(a), null, 0, this.#length);
  }

  /** Runs equations of the body, all iterations at once by their batching rules. What they read has to be here. */
  run(eqns: readonly Eqn[]): void {
    const made = eqns.flatMap((e) => e.outputs);
    const own = new Set<Atom>(made);
    const read = [...new Set(eqns.flatMap((e) => e.inputs))].filter(
      (a): a is Var => a instanceof Var && !own.has(a),
    );
    const fragment = new Jaxpr(read, eqns, made);
    const [outs, axes] = batchFlat(
      (args) => evalJaxpr(fragment, args),
      read.map((v) => this.read(v)),
      read.map((v) => (this.varies(v) ? 0 : null)),
      { size: this.#length, name: undefined },
    );
    made.forEach((v, i) => {
      const axis = axes[i]!;
      if (axis === null) this.fix(v, outs[i]!);
      else this.put(v, moveBatchAxis(outs[i]!, axis, 0, this.#length));
    });
  }
}
