/** Programs as source text, in TypeScript and in Python: what runs is what is printed. */
import { MODES } from "./modes.ts";
import { opOf } from "./ops/index.ts";
import type { Body, Input, Mode, Param, Params, Program, Step } from "./program.ts";
import { toNumber } from "./program.ts";

/** How a language spells what programs consist of. */
interface Dialect {
  readonly text: "weft" | "jax";
  literal(value: Param): string;
  list(items: readonly string[]): string;
  assign(names: readonly string[], list: boolean, value: string): string;
  /** What a step gave. */
  result(value: string): string;
  define(
    name: string,
    params: readonly string[],
    lines: readonly string[],
    outs: readonly string[],
  ): string[];
}

export interface PrintOptions {
  /** Another text of an operation: a fault on purpose. */
  readonly instead?: Readonly<Record<string, string>>;
}

const SPECIAL = new Set(["nan", "inf", "-inf", "-0"]);
const isSpecial = (value: Param): value is "nan" | "-0" => typeof value === "string" && SPECIAL.has(value);
const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

function jsNumber(x: number): string {
  return Object.is(x, -0) ? "-0" : String(x);
}

const TYPESCRIPT: Dialect = {
  text: "weft",
  literal(value) {
    if (isSpecial(value)) return jsNumber(toNumber(value));
    if (Array.isArray(value)) return `[${value.map((v) => TYPESCRIPT.literal(v)).join(", ")}]`;
    return typeof value === "number"
      ? jsNumber(value)
      : value === undefined
        ? "undefined"
        : JSON.stringify(value);
  },
  list: (items) => `[${items.join(", ")}]`,
  result: (value) => value,
  assign: (names, list, value) => `const ${list ? `[${names.join(", ")}]` : names[0]} = ${value};`,
  define: (name, params, lines, outs) => [
    `const ${name} = (${params.join(", ")}) => {`,
    ...indent(lines),
    `  return [${outs.join(", ")}];`,
    "};",
  ],
};

const PYTHON: Dialect = {
  text: "jax",
  literal(value) {
    if (isSpecial(value)) return value === "-0" ? "-0.0" : value;
    if (Array.isArray(value)) return `(${value.map((v) => `${PYTHON.literal(v)},`).join(" ")})`;
    if (typeof value === "boolean") return value ? "True" : "False";
    return value === null || value === undefined ? "None" : JSON.stringify(value);
  },
  list: (items) => `[${items.join(", ")}]`,
  result: (value) => value,
  assign: (names, list, value) =>
    `${list ? names.map((n) => `${n},`).join(" ") || "_" : names[0]} = ${value}`,
  define: (name, params, lines, outs) => [
    `def ${name}(${params.join(", ")}):`,
    ...indent(lines),
    `  return [${outs.join(", ")}]`,
  ],
};

const variable = (id: number): string => `x${id}`;

/** A text with its arguments, parameters and bodies put in. */
function fill(
  text: string,
  args: readonly string[],
  params: Params,
  bodies: readonly string[],
  d: Dialect,
): string {
  return text.replace(
    /\ba\[(\d+)\]|\bp\.(\w+)\b|\bf\[(\d+)\]|(?<=\.\.\.|(?<![.\w]))a\b(?!:)|(?<=\.\.\.|(?<![.\w]))f\b/g,
    (token, a, p, f) => {
      if (a !== undefined) return args[Number(a)] ?? "undefined";
      if (p !== undefined) return d.literal(params[p]);
      if (f !== undefined) return bodies[Number(f)]!;
      return token === "a" ? d.list(args) : d.list(bodies);
    },
  );
}

class Printer {
  readonly #d: Dialect;
  readonly #options: PrintOptions;
  #bodies = 0;

  constructor(dialect: Dialect, options: PrintOptions) {
    this.#d = dialect;
    this.#options = options;
  }

  define(name: string, { params, steps, outs }: Body): string[] {
    return this.#d.define(
      name,
      params.map(variable),
      steps.flatMap((step) => this.step(step)),
      outs.map(variable),
    );
  }

  step(step: Step): string[] {
    const { lines, value } = this.expression(step);
    return [...lines, this.#d.assign(step.outs.map(variable), step.list, this.#d.result(value))];
  }

  /** The definitions of a step's bodies, and its value. */
  expression({ op: name, args, params, bodies }: Step): { lines: string[]; value: string } {
    const op = opOf(name);
    const names = bodies.map(() => `f${this.#bodies++}`);
    const lines = bodies.flatMap((body, i) => this.define(names[i]!, body));
    const text = (this.#d.text === "weft" && this.#options.instead?.[name]) || op[this.#d.text];
    return { lines, value: fill(text, args.map(variable), params, names, this.#d) };
  }

  /** `main` under all transformations. */
  program({ main, modes }: Program): string[] {
    const name = (k: number): string => (k === modes.length ? "main" : k === 0 ? "f" : `f_${k}`);
    const applied = modes.flatMap((mode, k) => [
      this.#d.assign([name(k + 1)], false, this.mode(mode, name(k))),
    ]);
    return [...this.define(name(0), main), ...applied];
  }

  mode({ kind, params }: Mode, f: string): string {
    const text = MODES[kind]![this.#d.text];
    return text
      .replace(/\bp\.(\w+)\b/g, (_, p: string) => this.#d.literal(params[p]))
      .replace(/(?<![.\w])f\b/g, f);
  }
}

/** The definition of `main`. */
export const typescript = (program: Program, options: PrintOptions = {}): string =>
  new Printer(TYPESCRIPT, options).program(program).join("\n");
/** Where JAX has 64-bit types its integers are narrowed as they come: weft has none, and width shows in overflow and bits. */
const NARROWING: Dialect = { ...PYTHON, result: (value) => `narrow(${value})` };
export const python = (program: Program): string =>
  new Printer(program.x64 ? NARROWING : PYTHON, {}).program(program).join("\n");

/** A step as the statements of a function that returns its value. */
export function stepSource(step: Step): string {
  const { lines, value } = new Printer(TYPESCRIPT, {}).expression(step);
  return [...lines, `return ${value};`].join("\n");
}

export const inputText = ({ values, dtype, shape }: Input): string =>
  `np.array(${TYPESCRIPT.literal(values)}, { dtype: "${dtype}", shape: ${TYPESCRIPT.literal(shape)} })`;
export const pythonInput = ({ values, dtype, shape }: Input): string =>
  `np.array(${PYTHON.literal(values)}, "${dtype}").reshape(${PYTHON.literal(shape)})`;
