/** Programs as data: what the generator makes, the printer prints, the shrinker cuts. All of it is plain JSON. */

export type DType =
  | "float64"
  | "float32"
  | "int32"
  | "int16"
  | "int8"
  | "uint32"
  | "uint16"
  | "uint8"
  | "bool";

export interface ArrayType {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A number, or the name of one that JSON cannot write. */
export type Num = number | "nan" | "inf" | "-inf" | "-0";

/** What an operation takes besides arrays. */
export type Param = Num | string | boolean | null | undefined | readonly Param[];
export type Params = Readonly<Record<string, Param>>;

/** One operation on values made before it; values are numbered through the whole program. */
export interface Step {
  readonly op: string;
  readonly args: readonly number[];
  readonly params: Params;
  readonly bodies: readonly Body[];
  readonly outs: readonly number[];
  /** The operation gives a list of values, not one. */
  readonly list: boolean;
}

/** A function that sees its parameters and the values of the bodies around it. */
export interface Body {
  readonly params: readonly number[];
  readonly steps: readonly Step[];
  readonly outs: readonly number[];
}

/** A transformation of a function from a list of arrays to a list of arrays. The first of a list is applied first. */
export interface Mode {
  readonly kind: string;
  readonly params: Params;
}

export interface Input extends ArrayType {
  readonly values: readonly Num[];
}

export interface Program {
  readonly inputs: readonly Input[];
  readonly main: Body;
  readonly modes: readonly Mode[];
  /** JAX runs it with 64-bit types on. */
  readonly x64: boolean;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const SPECIAL: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  "-0": -0,
};

export const toNumber = (x: Num): number => (typeof x === "number" ? x : SPECIAL[x]!);

export function fromNumber(x: number): Num {
  if (Number.isNaN(x)) return "nan";
  if (Math.abs(x) === Number.POSITIVE_INFINITY) return x > 0 ? "inf" : "-inf";
  return Object.is(x, -0) ? "-0" : x;
}

export const isFloat = (dtype: DType): boolean => dtype.startsWith("float");
export const isInt = (dtype: DType): boolean => dtype.includes("int");

/** The same program on wider numbers, whose results are as good as exact beside its own. */
export const widened = (program: Program): Program =>
  JSON.parse(JSON.stringify({ ...program, x64: true }), (_, v) =>
    v === "float32" ? "float64" : v,
  ) as Program;

/** Every step, those of inner bodies included, outer ones first. */
export function allSteps(body: Body): Step[] {
  return body.steps.flatMap((step) => [step, ...step.bodies.flatMap(allSteps)]);
}

/** The values of outer bodies that a step uses, itself or in its bodies. */
export function freeValues(step: Step): Set<number> {
  const used = new Set(step.args);
  for (const body of step.bodies) for (const id of freeOfBody(body)) used.add(id);
  return used;
}

export function freeOfBody({ params, steps, outs }: Body): Set<number> {
  const own = new Set(params);
  const used = new Set<number>();
  const use = (ids: Iterable<number>): void => {
    for (const id of ids) if (!own.has(id)) used.add(id);
  };
  for (const step of steps) {
    use(freeValues(step));
    for (const id of step.outs) own.add(id);
  }
  use(outs);
  return used;
}
