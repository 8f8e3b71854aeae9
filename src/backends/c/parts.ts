/**
 * The functions that a program is cut into: its large loops, and those that threads share. Equal ones are compiled once, with
 * pointers as parameters, as the updates of weights of one shape are. Those that have no twin make their pointers themselves:
 * compilers see then which temporaries lie apart.
 *
 * Each function stands between `#if`s that ask for its unit, so that several compilers may share the work: one with
 * `-DUNITS=mask` takes the units whose bits are set. Without, the text is one translation unit.
 */
import type { Buffer, Program } from "../../compiler/ir/nodes.ts";
import type { MemoryPlan } from "../../compiler/passes/plan.ts";
import { InternalError } from "../../core/errors.ts";
import { STORED } from "./types.ts";

/** What {@link Parts} need at the beginning of the text. */
export const UNIT_MACROS = `#ifdef UNITS
#define PART APART __attribute__((visibility("hidden")))
#else
#define UNITS -1
#define PART APART static
#endif`;

/** Masks are positive integers of the preprocessor, which has 64 bits. */
const MOST_UNITS = 62;

/** A function without its name. Buffers are called by the names of its own pointers, in the order of their first use. */
export interface Body {
  readonly params: readonly string[];
  readonly lines: readonly string[];
  readonly pointers: ReadonlyMap<Buffer, string>;
}

interface Part extends Body {
  readonly name: string;
}

export const lengthOf = ({ lines }: Body): number => lines.reduce((sum, line) => sum + line.length, 0);

interface CFunction {
  /** Up to the body. */
  readonly head: string;
  readonly lines: readonly string[];
}

/** A text in units, and how long each takes to compile. */
export interface UnitText {
  readonly text: string;
  /** In what GCC takes for one character of straight code: some 10 µs on a machine of 2022. */
  readonly weights: readonly number[];
}

/** Where buffers lie. */
export class Places {
  readonly #places: Map<Buffer, string> = new Map();
  readonly #arena: string;

  constructor({ args, outputs, temps }: Program, plan: MemoryPlan) {
    const bound = [...args, ...outputs];
    this.#arena = `  char *const arena = mem + (u32)frame[${bound.length}];`;
    for (const [i, b] of bound.entries()) this.#places.set(b, `mem + (u32)frame[${i}]`);
    for (const b of temps) this.#places.set(b, `arena + ${plan.offsets.get(b)}`);
  }

  pointer(buffer: Buffer): string {
    const place = this.#places.get(buffer);
    if (place === undefined) throw new InternalError(`Buffer ${buffer.name} is not in the program.`);
    return `(${typeOf(buffer)})(${place})`;
  }

  /** The lines that make pointers. */
  declare(pointers: Body["pointers"]): string[] {
    const lines = [...pointers].map(
      ([b, name]) => `  ${typeOf(b)}const ${name} = ${this.pointer(b)}; // ${b.name.replace(/\W/g, "_")}`,
    );
    return [this.#arena, ...lines];
  }
}

const typeOf = (buffer: Buffer): string => `${STORED[buffer.dtype]} *`;
const NONE: Body["pointers"] = new Map();
const RANGE = ["char *mem", "const int *frame", "i64 low", "i64 high"];
const nameIn = (param: string): string => /\w+$/.exec(param)![0];

export class Parts {
  readonly #run: string;
  readonly #places: Places;
  /** Those in one list are equal. */
  readonly #parts: Map<string, Part[]> = new Map();
  #count = 0;

  /** `run`: the name of the program's entry point. */
  constructor(run: string, places: Places) {
    this.#run = run;
    this.#places = places;
  }

  /** Adds a function, which takes `(mem, frame, low, high, …params)`; returns its name. */
  add(body: Body): string {
    const part = { name: `${this.#run}_part${this.#count++}`, ...body };
    const key = keyOf(part);
    this.#parts.set(key, [...(this.#parts.get(key) ?? []), part]);
    return part.name;
  }

  /** `first` stands before all functions, `last`, which is unit 0, behind. */
  text(first: string, last: string): UnitText {
    const functions = this.#functions();
    const units = [last, ...functions.map(({ head, lines }) => `${head} {\n${lines.join("\n")}\n}`)];
    const weights = Array<number>(Math.min(units.length, MOST_UNITS)).fill(0);
    const guarded = units.map((text, i) => {
      const unit = i < MOST_UNITS ? i : 1 + (i % (MOST_UNITS - 1));
      weights[unit]! += effort(text);
      return `#if UNITS >> ${unit} & 1\n${text}\n#endif`;
    });
    const heads = functions.map(({ head }) => `${head};`);
    return { text: [first, ...heads, ...guarded.slice(1), guarded[0], ""].join("\n"), weights };
  }

  #functions(): CFunction[] {
    return [...this.#parts.values()].flatMap((group, i) =>
      group.length === 1 ? [this.#alone(group[0]!)] : this.#shared(`${this.#run}_same${i}`, group),
    );
  }

  #alone({ name, params, lines, pointers }: Part): CFunction {
    return { head: headOf(name, params), lines: [...this.#places.declare(pointers), ...lines] };
  }

  /** One function, and one for each of its uses that has the pointers. */
  #shared(shared: string, group: readonly Part[]): CFunction[] {
    const { params, lines, pointers } = group[0]!;
    const names = [...RANGE, ...params].map(nameIn);
    const typed = [...pointers].map(([b, name]) => `${typeOf(b)}${name}`);
    const callers = group.map((part) => {
      const at = [...part.pointers.keys()].map((b) => this.#places.pointer(b));
      const call = `  ${shared}(${[...names, ...at].join(", ")});`;
      return { head: headOf(part.name, params), lines: [...this.#places.declare(NONE), call] };
    });
    return [{ head: headOf(shared, [...params, ...typed]), lines }, ...callers];
  }
}

const headOf = (name: string, params: readonly string[]): string =>
  `PART void ${name}(${[...RANGE, ...params].join(", ")})`;

/** GCC takes as long for a loop around nothing as for so many characters inside of it. */
const LOOP = 300;
const effort = (text: string): number => text.length + LOOP * text.split("for (").length;

/** Equal for parts that differ in nothing but where their buffers lie. */
const keyOf = ({ params, pointers, lines }: Part): string =>
  [params.join(), [...pointers.keys()].map(typeOf).join(), ...lines].join("\n");
