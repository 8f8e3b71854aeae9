import type { NDArray } from "../../core/array.ts";
import { type Atom, type Eqn, type Jaxpr, Literal, Var } from "../../core/jaxpr.ts";
import { isCountedLoop, type LoopParams, loopInputs, loopOutputs } from "../../core/loop.ts";
import { ops } from "../../core/ops.ts";
import { evalJaxpr, literalValue } from "../../core/stage.ts";
import { splitAt } from "../../util/zip.ts";
import { restaged, Uses } from "./rewrite.ts";
import { begins, canBegin, isSum, isZeros, termsOf } from "./sums.ts";

/**
 * Separate sums. What a linear map makes of a smaller or sparser value is summed before the map, in a carry of its own, and mapped
 * once after the loop.
 *
 *   before  scan (c) { c' = c + pad(u) } : c
 *   after   scan (e = 0) { e' = e + u } : e;   c + pad(e)
 *
 * So a loop that reads `x.T.slice(i)`, or `x.slice(3)`, adds a row to a sum of rows in every step, and nothing of x's size. Whole
 * arrays that are added beside parts of one get a carry of their own as well: it is a sum over time then, which can be deferred.
 *
 * `finish` is applied to the new bodies.
 */
export function separateSums(jaxpr: Jaxpr, finish: (body: Jaxpr) => Jaxpr): Jaxpr {
  const plans = new Map(
    jaxpr.eqns.filter(isCountedLoop).map((eqn) => [eqn, sumsOfLoop(eqn.params as LoopParams)]),
  );
  if (![...plans.values()].some((sums) => sums.some(({ parts }) => parts.length))) return jaxpr;
  const apply = (eqn: Eqn, inputs: NDArray[]): NDArray[] => {
    const sums = plans.get(eqn) ?? [];
    return sums.some(({ parts }) => parts.length)
      ? separated(eqn, inputs, sums, finish)
      : eqn.primitive.bind(inputs, eqn.params);
  };
  return restaged((args) => evalJaxpr(jaxpr, args, apply), jaxpr.inAvals);
}

/** A linear map of one operand of an equation. */
interface LinearMap {
  readonly eqn: Eqn;
  readonly operand: number;
}
/** Terms that get a carry of their own, and what is done to their sum after the loop. */
interface Part {
  readonly terms: readonly Atom[];
  readonly cores: readonly Var[];
  readonly maps: readonly LinearMap[];
}
/** An addition between a carry and its next value. */
interface Step {
  readonly eqn: Eqn;
  /** The operand that comes from the carry. */
  readonly from: number;
  readonly terms: readonly Atom[];
}
interface CarrySum {
  readonly slot: number;
  readonly steps: readonly Step[];
  readonly parts: readonly Part[];
  /** Nothing is added to the carry itself any more. */
  readonly empty: boolean;
}

function sumsOfLoop(p: LoopParams): CarrySum[] {
  const body = p.jaxpr;
  const uses = new Uses(body);
  const [carry, next] = [loopInputs(body.invars, p).carry, loopOutputs(body.outs, p).carry];
  const fixed = new Set<Atom>(body.invars.slice(0, p.numConsts));
  return carry.flatMap((c, slot) => {
    const way = wayFrom(uses, c, next[slot]!);
    if (!way) return [];
    const mapped = way.steps
      .flatMap(({ terms }) => terms)
      .map((term) => ({ term, ...unmapped(uses, term, fixed) }));
    const isSmall = ({ core, maps }: { core: Atom; maps: readonly LinearMap[] }): boolean =>
      maps.length > 0 && (canBegin(uses, core) || 2 * core.aval.size <= c.aval.size);
    const small = mapped.filter(isSmall);
    const whole = mapped.filter((m) => !isSmall(m)).map(({ term }) => term);
    const parts = small.map(({ term, core, maps }): Part => ({ terms: [term], cores: [core], maps }));
    if (way.sparse && whole.length) parts.push({ terms: whole, cores: whole as Var[], maps: [] });
    return [{ slot, steps: way.steps, parts, empty: !way.sparse && whole.length === 0 }];
  });
}

/** The additions between a carry and its next value, if there is nothing else; sparse: parts of it are added to as well. */
function wayFrom(uses: Uses, carry: Var, next: Atom): { steps: Step[]; sparse: boolean } | undefined {
  if (next === carry) return undefined;
  const comesFrom = (a: Atom): { steps: Step[]; sparse: boolean } | undefined => {
    if (a === carry) return uses.readOnce(a) ? { steps: [], sparse: false } : undefined;
    const eqn = uses.producer(a);
    if (!eqn || !uses.readOnce(a)) return undefined;
    if (!isSum(eqn)) {
      const [from, kind] = begins(eqn, eqn.outputs.indexOf(a as Var));
      const before = kind && comesFrom(from!);
      return before && { ...before, sparse: true };
    }
    for (const [from, x] of eqn.inputs.entries()) {
      const before = comesFrom(x);
      const terms = termsOf(uses, eqn.inputs[1 - from]!);
      if (before && terms.every((t) => t instanceof Var))
        return { ...before, steps: [...before.steps, { eqn, from, terms }] };
    }
    return undefined;
  };
  return comesFrom(next);
}

/** What a term is a linear map of, the first map first. */
function unmapped(uses: Uses, term: Atom, fixed: ReadonlySet<Atom>): { core: Var; maps: LinearMap[] } {
  const maps: LinearMap[] = [];
  let core = term as Var;
  for (let map = linearMap(uses, core, fixed); map; map = linearMap(uses, core, fixed)) {
    maps.unshift(map);
    core = map.eqn.inputs[map.operand] as Var;
  }
  return { core, maps };
}

/** The equation that makes `a`, if it is linear in one operand, what else it is linear in is zero, and the rest never changes. */
function linearMap(uses: Uses, a: Var, fixed: ReadonlySet<Atom>): LinearMap | undefined {
  const eqn = uses.readOnce(a) ? uses.producer(a) : undefined;
  const count = eqn?.primitive.linear;
  if (!eqn || !count || eqn.outputs.length !== 1) return undefined;
  const isZero = (x: Atom): boolean => (x instanceof Literal ? !x.value : isZeros(uses, x));
  const [operand, ...more] = eqn.inputs.flatMap((x, i) => (i < count && !isZero(x) ? [i] : []));
  const others = eqn.inputs.slice(count);
  if (operand === undefined || more.length > 0 || eqn.inputs[operand] instanceof Literal) return undefined;
  return others.every((x) => x instanceof Literal || fixed.has(x)) ? { eqn, operand } : undefined;
}

function separated(
  eqn: Eqn,
  inputs: NDArray[],
  sums: readonly CarrySum[],
  finish: (body: Jaxpr) => Jaxpr,
): NDArray[] {
  const p = eqn.params as LoopParams;
  const args = loopInputs(inputs, p);
  const parts = sums.flatMap(({ slot, parts }) => parts.map((part) => ({ slot, part })));
  const zeros = parts.map(({ part }) => ops().zeros(part.cores[0]!.aval));
  const outs = eqn.primitive.bind([...args.consts, ...args.carry, ...zeros, ...args.xs], {
    ...p,
    jaxpr: finish(bodyWith(p, sums, parts)),
    numCarry: p.numCarry + parts.length,
  });
  const [carry, totals, ys] = splitAt(outs, p.numCarry, parts.length) as [NDArray[], NDArray[], NDArray[]];
  for (const { slot, empty } of sums) if (empty) carry[slot] = args.carry[slot]!;
  const consts = new Map<Atom, NDArray>(args.consts.map((x, i) => [p.jaxpr.invars[i]!, x]));
  parts.forEach(({ slot, part }, m) => {
    carry[slot] = ops().add(
      carry[slot]!,
      part.maps.reduce((x, map) => applyMap(map, x, consts), totals[m]!),
    );
  });
  return [...carry, ...ys];
}

/** A linear map outside of the loop: what else it is linear in is zero. */
function applyMap({ eqn, operand }: LinearMap, x: NDArray, consts: ReadonlyMap<Atom, NDArray>): NDArray {
  const operands = eqn.inputs.map((a, i) => {
    if (i === operand) return x;
    return a instanceof Literal ? literalValue(a) : (consts.get(a) ?? ops().zeros(a.aval));
  });
  return eqn.primitive.bind(operands, eqn.params)[0]!;
}

/** The body with the parts' sums as carries behind its own. */
function bodyWith(
  p: LoopParams,
  sums: readonly CarrySum[],
  parts: readonly { readonly part: Part }[],
): Jaxpr {
  const { invars } = p.jaxpr;
  const start = p.numConsts + p.numCarry;
  const gone = new Set(parts.flatMap(({ part }) => part.terms));
  const steps = new Map(
    sums.filter((s) => s.parts.length).flatMap((s) => s.steps.map((step) => [step.eqn, step])),
  );
  const types = parts.map(({ part }) => part.cores[0]!.aval);
  return restaged(
    (args) => {
      const [before, totals, xs] = splitAt(args, start, parts.length) as [NDArray[], NDArray[], NDArray[]];
      const values = new Map<Atom, NDArray>();
      const apply = (eqn: Eqn, inputs: NDArray[]): NDArray[] => {
        eqn.inputs.forEach((a, i) => values.set(a, inputs[i]!));
        const step = steps.get(eqn);
        const kept = step?.terms.filter((t) => !gone.has(t)).map((t) => values.get(t)!);
        const outs = step
          ? [kept!.reduce((x, y) => ops().add(x, y), inputs[step.from]!)]
          : eqn.primitive.bind(inputs, eqn.params);
        eqn.outputs.forEach((v, k) => values.set(v, outs[k]!));
        return outs;
      };
      const outs = evalJaxpr(p.jaxpr, [...before, ...xs], apply);
      const next = parts.map(({ part }, m) =>
        part.cores.reduce((x, core) => ops().add(x, values.get(core)!), totals[m]!),
      );
      return [...outs.slice(0, p.numCarry), ...next, ...outs.slice(p.numCarry)];
    },
    [...invars.slice(0, start).map((v) => v.aval), ...types, ...invars.slice(start).map((v) => v.aval)],
  );
}
