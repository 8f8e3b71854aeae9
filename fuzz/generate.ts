/** Random programs. Every value has a type that weft itself inferred, so that programs are well-typed as they are made. */
import { evalShape } from "#internal/index";
import { chooseModes } from "./choose-modes.ts";
import { OPS } from "./ops/index.ts";
import type { Chooser, Op } from "./ops/op.ts";
import { PRELUDE } from "./prelude.ts";
import { stepSource } from "./print.ts";
import type { ArrayType, Body, Input, Params, Program, Step } from "./program.ts";
import { freeValues, fromNumber, isFloat, sizeOf } from "./program.ts";
import type { Rng } from "./rng.ts";
import { compileText } from "./run.ts";
import { drawValues, type Style, styleOf } from "./values.ts";

export interface GenerateOptions {
  readonly x64?: boolean;
  /** Only these operations, and what they need. */
  readonly only?: readonly string[] | undefined;
  readonly modes?: readonly string[] | undefined;
  /** How many steps a program has at most, what prepares arguments not counted; default 7. */
  readonly steps?: number;
}

/** weft did not take what a table chose. `program` ends with the step that it refused. */
export class Refused extends Error {
  readonly program: Program;
  constructor(cause: Error, program: Program) {
    super(cause.message, { cause });
    this.program = program;
  }
}
class StepRefused extends Error {
  readonly step: Step;
  constructor(cause: Error, step: Step) {
    super(cause.message, { cause });
    this.step = step;
  }
}

const MAX_SIZE = 240;
const MAX_DEPTH = 2;

/** The values that a body sees, newest last. */
interface Frame {
  readonly outer: readonly number[];
  readonly own: number[];
  readonly steps: Step[];
}

export class Generator implements Chooser {
  readonly rng: Rng;
  readonly x64: boolean;
  readonly backwards: boolean;
  readonly #ops: readonly Op[];
  readonly #dims: readonly number[];
  readonly #types = new Map<number, ArrayType>();
  readonly #literals = new Map<number, number | boolean>();
  #frame: Frame = { outer: [], own: [], steps: [] };
  #depth = 0;
  #count = 0;

  constructor(rng: Rng, { x64 = false, only }: GenerateOptions = {}) {
    this.rng = rng;
    this.x64 = x64;
    this.backwards = rng.chance(0.75);
    this.#ops = [...OPS.values()].filter(
      (op) => op.weight > 0 && (!only || only.some((o) => op.name.startsWith(o))),
    );
    const sizes = [1, 2, 2, 3, 3, 4, 5, 7, 8, 9];
    this.#dims = Array.from({ length: 3 }, () =>
      rng.chance(0.035) ? 0 : rng.chance(0.06) ? 17 : rng.pick(sizes),
    );
  }

  type(id: number): ArrayType {
    return this.#types.get(id)!;
  }

  #visible(): number[] {
    return [...this.#frame.outer, ...this.#frame.own];
  }

  /** Newer values are likelier. */
  value(accept: (t: ArrayType) => boolean = () => true): number {
    const fit = this.#visible().filter((id) => !this.#literals.has(id) && accept(this.type(id)));
    if (fit.length > 0) {
      const back = Math.floor(this.rng.next() ** 2 * fit.length);
      return fit[fit.length - 1 - back]!;
    }
    return this.#fresh(accept);
  }

  /** When nothing fits: another type for something there is. */
  #fresh(accept: (t: ArrayType) => boolean): number {
    for (let attempt = 0; attempt < 30; attempt++) {
      const type = this.#anyType();
      if (accept(type)) return this.of(type);
    }
    for (const shape of [[], [2], [3, 2], [2, 3, 2]])
      for (const dtype of ["float32", "int32", "bool", "uint32"] as const)
        if (accept({ shape, dtype })) return this.of({ shape, dtype });
    throw new Error("No type is accepted.");
  }

  #anyType(): ArrayType {
    const { rng } = this;
    const rank = rng.weighted([0, 1, 2, 3, 4, 5, 6], (r) => [3, 5, 5, 2, 0.5, 0.15, 0.15][r]!);
    const shape = Array.from({ length: rank }, () =>
      rng.chance(rank > 3 ? 0.6 : 0.12) ? 1 : rng.pick(this.#dims),
    );
    return { shape: sizeOf(shape) > MAX_SIZE ? shape.slice(0, 2) : shape, dtype: this.#anyDType() };
  }

  #anyDType(): ArrayType["dtype"] {
    const floats = this.x64
      ? ["float64", "float64", "float64", "float32"]
      : ["float32", "float32", "float32", "float32"];
    const others = ["int32", "int32", "bool", "int16", "int8", "uint32", "uint16", "uint8"];
    return this.rng.pick(this.rng.chance(0.75) ? floats : others) as ArrayType["dtype"];
  }

  literal(value: number | boolean): number {
    const [id] = this.emit("literal", [], { value });
    return id!;
  }

  constant(type: ArrayType, draw: () => number): number {
    const values = Array.from({ length: sizeOf(type.shape) }, draw).map(fromNumber);
    return this.emit("np.array", [], { values, dtype: type.dtype, shape: type.shape })[0]!;
  }

  of(type: ArrayType, from?: number): number {
    const exact = this.#visible().filter((id) => !this.#literals.has(id) && same(this.type(id), type));
    if (from === undefined && exact.length > 0 && this.rng.chance(0.7)) return this.rng.pick(exact.slice(-4));
    const source = from ?? this.#material(type);
    if (source === undefined) return this.constant(type, () => this.rng.int(0, 2));
    const shaped = this.#shaped(source, type.shape);
    const { dtype } = this.type(shaped);
    return dtype === type.dtype ? shaped : this.emit("np.astype", [shaped], { dtype: type.dtype })[0]!;
  }

  /** Something there is, best of this dtype. */
  #material({ dtype }: ArrayType): number | undefined {
    const arrays = this.#visible().filter((id) => !this.#literals.has(id));
    const alike = arrays.filter((id) => this.type(id).dtype === dtype);
    const from = alike.length > 0 ? alike : arrays;
    return from.length > 0 ? this.rng.pick(from.slice(-5)) : undefined;
  }

  /** x in another shape: broadcast, cut, or its mean everywhere. */
  #shaped(x: number, shape: readonly number[]): number {
    const t = this.type(x);
    if (String(t.shape) === String(shape)) return x;
    if (broadcasts(t.shape, shape)) return this.emit("np.broadcastTo", [x], { shape })[0]!;
    const [have, want] = [sizeOf(t.shape), sizeOf(shape)];
    if (have >= want && (t.dtype !== "float32" || this.rng.chance(0.5))) {
      const [line] = this.emit("np.ravel", [x]);
      const [cut] = this.emit("lax.slice", [line!], { starts: [have - want], limits: [have], strides: [1] });
      return this.emit("np.reshape", [cut!], { shape })[0]!;
    }
    if (have === 0) return this.constant({ shape, dtype: t.dtype }, () => this.rng.int(0, 2));
    const [scalar] = isFloat(t.dtype)
      ? this.emit("np.mean", [x], { axis: null, keepdims: false })
      : this.emit("np.max", [x], { axis: null, keepdims: false });
    return this.emit("np.broadcastTo", [scalar!], { shape })[0]!;
  }

  partner(id: number, accept?: (t: ArrayType) => boolean, numbers = true): number {
    const { shape, dtype } = this.type(id);
    const { rng } = this;
    const fits = accept ?? ((t: ArrayType) => t.dtype === dtype);
    if (numbers && rng.chance(0.2) && accept?.({ shape: [], dtype: "int32" }) !== false)
      return this.literal(rng.pick([0, 1, 2, -1, 0.5]));
    const there = this.#visible().filter(
      (y) => !this.#literals.has(y) && fits(this.type(y)) && broadcasts(this.type(y).shape, shape),
    );
    if (there.length > 0 && rng.chance(0.7)) return rng.pick(there);
    const other = rng.chance(0.6)
      ? shape
      : shape.slice(rng.int(0, shape.length)).map((d) => (rng.chance(0.3) ? 1 : d));
    const type = [dtype, this.#anyDType(), "float32", "int32", "bool"].find((d) =>
      fits({ shape: other, dtype: d as never }),
    );
    return this.of({ shape: other, dtype: type as never });
  }

  emit(name: string, args: readonly number[], params: Params = {}, bodies: readonly Body[] = []): number[] {
    const step: Step = { op: name, args, params, bodies, outs: [], list: false };
    if (name === "literal") return [this.#literal(step)];
    const { types, list } = this.#infer(step);
    if (types.some((t) => sizeOf(t.shape) > MAX_SIZE)) throw new TooLarge();
    const outs = types.map((t) => this.#new(t));
    this.#frame.steps.push({ ...step, outs, list });
    this.#frame.own.push(...outs);
    return outs;
  }

  #literal(step: Step): number {
    const value = step.params["value"] as number | boolean;
    const id = this.#new({ shape: [], dtype: typeof value === "boolean" ? "bool" : "int32" });
    this.#literals.set(id, value);
    this.#frame.steps.push({ ...step, outs: [id] });
    this.#frame.own.push(id);
    return id;
  }

  #new(type: ArrayType): number {
    this.#types.set(this.#count, type);
    return this.#count++;
  }

  /** Asks weft for the types of a step's results. */
  #infer(step: Step): { types: ArrayType[]; list: boolean } {
    const free = [...freeValues(step)];
    const arrays = free.filter((id) => !this.#literals.has(id));
    const literals = free
      .filter((id) => this.#literals.has(id))
      .map((id) => `const x${id} = ${this.#literals.get(id)};`);
    const source = `${PRELUDE}\nreturn (${arrays.map((id) => `x${id}`).join(", ")}) => {\n${literals.join("\n")}\n${stepSource(step)}\n};`;
    let list = false;
    try {
      const f = compileText(source) as (...xs: unknown[]) => unknown;
      const out = evalShape(
        (...xs: unknown[]) => {
          const result = f(...xs);
          list = Array.isArray(result);
          return result as never;
        },
        ...arrays.map((id) => this.type(id)),
      ) as unknown as ArrayType | ArrayType[];
      const types = (list ? out : [out]) as ArrayType[];
      return { types: types.map(({ shape, dtype }) => ({ shape, dtype })), list };
    } catch (error) {
      if (error instanceof StepRefused || error instanceof TooLarge) throw error;
      const outs = [this.#new({ shape: [], dtype: "float32" })];
      throw new StepRefused(error as Error, { ...step, outs });
    }
  }

  body(
    params: readonly ArrayType[],
    outs: (params: readonly number[]) => readonly number[],
    closed = false,
  ): Body {
    const saved = this.#frame;
    const ids = params.map((t) => this.#new(t));
    const outer = closed ? [] : this.#visible();
    this.#frame = { outer, own: [...ids], steps: [] };
    this.#depth++;
    try {
      this.#steps(this.rng.int(0, 3));
      const results = [...outs(ids)];
      return { params: ids, steps: this.#frame.steps, outs: results };
    } finally {
      this.#depth--;
      this.#frame = saved;
    }
  }

  outTypes(body: Body): ArrayType[] {
    return body.outs.map((id) => this.type(id));
  }

  #steps(count: number): void {
    for (let k = 0; k < count; k++) this.#attempt();
  }

  /** Adds a random step; what did not work out leaves nothing behind. */
  #attempt(): void {
    const { steps, own } = this.#frame;
    const ops = this.#depth < MAX_DEPTH ? this.#ops : this.#ops.filter((op) => !hasBodies(op));
    for (let attempt = 0; attempt < 10 && ops.length > 0; attempt++) {
      const op = this.rng.weighted(ops, (o) => o.weight);
      const [s, o] = [steps.length, own.length];
      try {
        const choice = op.choose(this);
        if (choice) {
          this.emit(op.name, choice.args, choice.params, choice.bodies);
          return;
        }
      } catch (error) {
        const inside = error instanceof StepRefused && this.#depth > 0;
        if (!inside && !(error instanceof TooLarge)) throw error;
      }
      steps.length = s;
      own.length = o;
    }
  }

  program(options: GenerateOptions): Program {
    const inputs = Array.from({ length: this.rng.int(1, 3) }, () => this.#anyType());
    if (!inputs.some((t) => isFloat(t.dtype)))
      inputs[0] = { ...inputs[0]!, dtype: this.x64 ? "float64" : "float32" };
    const params = inputs.map((t) => this.#new(t));
    this.#frame = { outer: [], own: [...params], steps: [] };
    const finish = (outs: readonly number[], modes = options.modes): Program => {
      const main = prune({ params, steps: this.#frame.steps, outs });
      const signature = { inputs, outs: outs.map((id) => this.type(id)) };
      const { modes: chosen, inputs: types } =
        modes?.length === 0 ? { modes: [], inputs } : chooseModes(this.rng, signature, this.backwards, modes);
      const style = styleOf(this.rng);
      return { inputs: types.map((t) => this.#input(t, style)), main, modes: chosen, x64: this.x64 };
    };
    try {
      this.#steps(this.rng.int(1, options.steps ?? 7));
    } catch (error) {
      if (!(error instanceof StepRefused)) throw error;
      this.#frame.steps.push(error.step);
      throw new Refused(error.cause as Error, finish(error.step.outs, []));
    }
    return finish(this.#outs());
  }

  /** What nothing else uses, the newest first, and some others. */
  #outs(): number[] {
    const values = this.#frame.own.filter((id) => !this.#literals.has(id));
    const used = new Set(this.#frame.steps.flatMap((step) => [...freeValues(step)]));
    const unused = values.filter((id) => !used.has(id)).reverse();
    const others = Array.from({ length: this.rng.int(0, 2) }, () => this.rng.pick(values));
    return [...new Set([...unused.slice(0, 4), ...others, values[values.length - 1]!])];
  }

  #input(type: ArrayType, style: Style): Input {
    return { ...type, values: drawValues(this.rng, type, style) };
  }
}

class TooLarge extends Error {}

const hasBodies = (op: Op): boolean => /\bf\b/.test(op.weft);

const same = (a: ArrayType, b: ArrayType): boolean =>
  a.dtype === b.dtype && String(a.shape) === String(b.shape);

function broadcasts(from: readonly number[], to: readonly number[]): boolean {
  const missing = to.length - from.length;
  return missing >= 0 && from.every((d, i) => d === 1 || d === to[i + missing]);
}

/** Without the steps that nothing uses. */
export function prune(body: Body): Body {
  const needed = new Set(body.outs);
  const steps: Step[] = [];
  for (const step of [...body.steps].reverse()) {
    if (!step.outs.some((id) => needed.has(id))) continue;
    const pruned = { ...step, bodies: step.bodies.map(prune) };
    for (const id of freeValues(pruned)) needed.add(id);
    steps.unshift(pruned);
  }
  return { ...body, steps };
}

/** The program of a seed. @throws Refused */
export const generate = (rng: Rng, options: GenerateOptions = {}): Program =>
  new Generator(rng, options).program(options);
