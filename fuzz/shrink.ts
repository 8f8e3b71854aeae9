/** Smaller programs that still fail. Every cut is tried; one that makes nonsense changes the failure and is not taken. */
import { prune } from "./generate.ts";
import {
  allSteps,
  type Body,
  freeOfBody,
  fromNumber,
  type Input,
  type Mode,
  type Num,
  type Param,
  type Program,
  type Step,
  sizeOf,
  toNumber,
} from "./program.ts";
import { hasFailed, outcome, type Result } from "./results.ts";
import { compile, inputArray } from "./run.ts";

/** The smallest that was found by so many attempts. */
export async function shrink(
  program: Program,
  fails: (p: Program) => Promise<boolean>,
  attempts = 150,
): Promise<Program> {
  const seen = new Set([JSON.stringify(program)]);
  let best = program;
  for (let found = true; found; ) {
    found = false;
    for (const candidate of cuts(best)) {
      const smaller = withoutUnused({ ...candidate, main: prune(candidate.main) });
      const text = JSON.stringify(smaller);
      if (seen.has(text)) continue;
      seen.add(text);
      if (attempts-- <= 0) return best;
      if (!(await fails(smaller))) continue;
      best = smaller;
      found = true;
      break;
    }
  }
  return best;
}

function* cuts(p: Program): Generator<Program> {
  yield* fewerModes(p);
  yield* fewerOuts(p);
  yield* asInputs(p);
  yield* fewerCarries(p);
  yield* shortcuts(p);
  yield* smallerSizes(p);
  yield* simplerParams(p);
  yield* simplerValues(p);
}

// ---- transformations

function* fewerModes(p: Program): Generator<Program> {
  for (const [k, mode] of [...p.modes.entries()].reverse()) {
    const modes = p.modes.toSpliced(k, 1);
    if (mode.kind !== "vmap") yield { ...p, modes };
    else if (!p.modes.slice(k + 1).some((m) => m.kind === "vmap"))
      yield { ...p, modes, inputs: unbatched(p.inputs, mode) };
  }
  for (const [k, { kind, params }] of p.modes.entries()) {
    if (Array.isArray(params["out"]))
      yield { ...p, modes: p.modes.with(k, { kind, params: { ...params, out: 0 } }) };
    const wrt = params["wrt"] as readonly number[] | undefined;
    if (wrt && wrt.length > 1)
      for (const i of wrt) yield { ...p, modes: p.modes.with(k, { kind, params: { ...params, wrt: [i] } }) };
  }
}

const axesIn = (mode: Mode): readonly (number | null)[] => mode.params["in"] as readonly (number | null)[];

/** The first of each batch. */
const unbatched = (inputs: readonly Input[], mode: Mode): Input[] =>
  inputs.map((x, i) => (axesIn(mode)[i] === null ? x : first(x, axesIn(mode)[i]!)));

function first({ shape, dtype, values }: Input, axis: number): Input {
  const inner = sizeOf(shape.slice(axis + 1));
  const n = shape[axis]!;
  const kept = values.filter((_, k) => Math.floor(k / inner) % n === 0);
  return { shape: shape.toSpliced(axis, 1), dtype, values: kept };
}

/** The inputs of the function that is transformed. */
const baseInputs = (p: Program): readonly Input[] =>
  [...p.modes]
    .reverse()
    .reduce<readonly Input[]>((xs, m) => (m.kind === "vmap" ? unbatched(xs, m) : xs), p.inputs);

// ---- steps

function* fewerOuts(p: Program): Generator<Program> {
  if (p.main.outs.length < 2) return;
  const modes = p.modes.map((m) => (m.kind === "vmap" ? { ...m, params: { ...m.params, out: 0 } } : m));
  for (const id of p.main.outs) yield { ...p, modes, main: { ...p.main, outs: [id] } };
}

/** A step's results become inputs. */
function* asInputs(p: Program): Generator<Program> {
  const base = baseInputs(p);
  for (const step of [...p.main.steps].reverse()) {
    if (step.op === "literal") continue;
    const values = valuesOf(p, base, step);
    if (values) yield withInputs(p, step, values);
  }
}

function valuesOf(p: Program, base: readonly Input[], step: Step): readonly Result[] | undefined {
  const upTo = { ...p, modes: [], main: prune({ ...p.main, outs: step.outs }) };
  const made = outcome(() => compile(upTo)(...base.map(inputArray)));
  return hasFailed(made) ? undefined : made.outs;
}

function withInputs(p: Program, step: Step, values: readonly Result[]): Program {
  const added = values.map(
    (r): Input => ({ shape: r.shape, dtype: r.dtype as never, values: Array.from(r.values, fromNumber) }),
  );
  const unmapped = (m: Mode): Mode =>
    m.kind === "vmap" ? { ...m, params: { ...m.params, in: [...axesIn(m), ...added.map(() => null)] } } : m;
  return {
    ...p,
    inputs: [...p.inputs, ...added],
    modes: p.modes.map(unmapped),
    main: {
      ...p.main,
      params: [...p.main.params, ...step.outs],
      steps: p.main.steps.filter((s) => s !== step),
    },
  };
}

/** A step is left out; instead of its result there stands one of the values it took, or one that its body was given. */
function* shortcuts(p: Program): Generator<Program> {
  // A plain number has no dtype of its own.
  const literals = new Set(allSteps(p.main).flatMap((s) => (s.op === "literal" ? s.outs : [])));
  for (const [body, replace] of bodiesOf(p.main)) {
    for (const step of [...body.steps].reverse()) {
      for (const id of step.outs)
        for (const other of new Set([...step.args, ...body.params])) {
          if (literals.has(other)) continue;
          const steps = body.steps.filter((s) => s !== step || s.outs.length > 1);
          yield { ...p, main: replace(renamed({ ...body, steps }, id, other)) };
        }
    }
  }
  for (const [body, replace] of bodiesOf(p.main))
    for (const [k, id] of body.outs.entries())
      for (const other of body.params)
        if (body !== p.main && other !== id)
          yield { ...p, main: replace({ ...body, outs: body.outs.with(k, other) }) };
}

/** How a loop's arguments and results lie: carries first, in its body after so many parameters. */
const LOOPS: Readonly<Record<string, { readonly offset: number; carries(step: Step): number }>> = {
  "lax.scan": { offset: 0, carries: ({ params }) => params["n"] as number },
  "lax.scan checkpoint": { offset: 0, carries: ({ params }) => params["n"] as number },
  "lax.foriLoop": { offset: 1, carries: ({ args }) => args.length },
};

/** A loop without one of its carries, which stays as it was before the loop; or without one of its ys. */
function* fewerCarries(p: Program): Generator<Program> {
  for (const [body, replace] of bodiesOf(p.main))
    for (const [k, step] of body.steps.entries()) {
      const loop = LOOPS[step.op];
      if (!loop) continue;
      const n = loop.carries(step);
      for (const i of step.outs.keys()) {
        const smaller = i < n ? withoutCarry(step, i, n, loop.offset) : withoutResult(step, i);
        const without = { ...body, steps: body.steps.with(k, smaller) };
        yield { ...p, main: replace(i < n ? renamed(without, step.outs[i]!, step.args[i]!) : without) };
      }
    }
}

const withoutResult = (step: Step, i: number): Step => ({
  ...step,
  outs: step.outs.toSpliced(i, 1),
  bodies: step.bodies.map((b) => ({ ...b, outs: b.outs.toSpliced(i, 1) })),
});

function withoutCarry(step: Step, i: number, n: number, offset: number): Step {
  const { bodies, ...rest } = withoutResult(step, i);
  const fixed = bodies.map((b) => {
    const param = b.params[i + offset]!;
    return renamed({ ...b, params: b.params.toSpliced(i + offset, 1) }, param, step.args[i]!);
  });
  const params = "n" in step.params ? { ...step.params, n: n - 1 } : step.params;
  return { ...rest, args: step.args.toSpliced(i, 1), params, bodies: fixed };
}

/** All bodies, each with what puts another one in its place. */
function* bodiesOf(body: Body): Generator<[Body, (b: Body) => Body]> {
  yield [body, (b) => b];
  for (const [k, step] of body.steps.entries())
    for (const [i, inner] of step.bodies.entries())
      for (const [found, replace] of bodiesOf(inner))
        yield [
          found,
          (b) => ({
            ...body,
            steps: body.steps.with(k, { ...step, bodies: step.bodies.with(i, replace(b)) }),
          }),
        ];
}

function renamed(body: Body, from: number, to: number): Body {
  const name = (id: number): number => (id === from ? to : id);
  const steps = body.steps.map((s) => ({
    ...s,
    args: s.args.map(name),
    bodies: s.bodies.map((b) => renamed(b, from, to)),
  }));
  return { params: body.params, steps, outs: body.outs.map(name) };
}

function withoutUnused(p: Program): Program {
  const used = freeOfBody({ ...p.main, params: [] });
  const keep = p.main.params.map((id) => used.has(id));
  if (keep.every(Boolean) || !keep.some(Boolean)) return p;
  const kept = <T>(xs: readonly T[]): T[] => xs.filter((_, i) => keep[i]);
  const at = (i: number): number => keep.slice(0, i).filter(Boolean).length;
  const adapt = ({ kind, params }: Mode): Mode => {
    const wrt = params["wrt"] as readonly number[] | undefined;
    const within = params["in"] as readonly (number | null)[] | undefined;
    return {
      kind,
      params: {
        ...params,
        ...(wrt && { wrt: wrt.filter((i) => keep[i]).map(at) }),
        ...(within && { in: kept(within) }),
      },
    };
  };
  const modes = p.modes.map(adapt);
  const broken = modes.some(
    (m) =>
      (m.params["wrt"] as unknown[] | undefined)?.length === 0 ||
      (m.kind === "vmap" && axesIn(m).every((a) => a === null)),
  );
  return broken
    ? p
    : { ...p, modes, inputs: kept(p.inputs), main: { ...p.main, params: kept(p.main.params) } };
}

// ---- sizes and values

/** Every n that stands for a size becomes smaller, in types and parameters alike. */
function* smallerSizes(p: Program): Generator<Program> {
  const sizes = new Set(
    [...p.inputs, ...allSteps(p.main).map((s) => ({ shape: numbersIn(s.params) }))].flatMap((x) => x.shape),
  );
  for (const n of [...sizes].filter((d) => d > 1).sort((a, b) => b - a))
    for (const m of [1, 2, n - 1]) if (m < n) yield resized(p, n, m);
}

const numbersIn = (x: Param | Record<string, Param>): number[] =>
  typeof x === "number"
    ? [x]
    : x && typeof x === "object"
      ? Object.values(x).flatMap((v) => numbersIn(v as Param))
      : [];

function resized(p: Program, n: number, m: number): Program {
  const dim = (d: number): number => (d === n ? m : d);
  const param = (x: Param): Param => (x === n ? m : Array.isArray(x) ? x.map(param) : x);
  const step = (s: Step): Step => {
    const params = Object.fromEntries(
      Object.entries(s.params).map(([k, v]) => [k, k === "values" ? v : param(v)]),
    );
    const values = params["values"] && {
      values: cut(params["values"] as Num[], params["shape"] as number[]),
    };
    return { ...s, params: { ...params, ...values }, bodies: s.bodies.map(body) };
  };
  const body = (b: Body): Body => ({ ...b, steps: b.steps.map(step) });
  const input = (x: Input): Input => {
    const shape = x.shape.map(dim);
    return { ...x, shape, values: cut(x.values, shape) };
  };
  return { ...p, inputs: p.inputs.map(input), main: body(p.main) };
}

const cut = (values: readonly Num[], shape: readonly number[]): Num[] =>
  Array.from({ length: sizeOf(shape) }, (_, k) => values[k] ?? 0);

/** Flags off, numbers to 0 or 1. */
function* simplerParams(p: Program): Generator<Program> {
  for (const [body, replace] of bodiesOf(p.main))
    for (const [k, step] of body.steps.entries())
      for (const [name, value] of Object.entries(step.params)) {
        const simpler =
          value === true ? [false] : typeof value === "number" ? [0, 1].filter((x) => x !== value) : [];
        for (const x of simpler)
          yield {
            ...p,
            main: replace({
              ...body,
              steps: body.steps.with(k, { ...step, params: { ...step.params, [name]: x } }),
            }),
          };
      }
}

function* simplerValues(p: Program): Generator<Program> {
  const simplify: ((x: number, k: number) => number)[] = [
    () => 0,
    () => 1,
    (_, k) => k + 1,
    (x) => Math.round(x),
    (x) => Number(x.toPrecision(2)),
  ];
  for (const [i, input] of p.inputs.entries())
    for (const f of simplify) {
      const values = input.values.map((v, k) => fromNumber(f(toNumber(v), k)));
      if (String(values) !== String(input.values))
        yield { ...p, inputs: p.inputs.with(i, { ...input, values }) };
    }
}
