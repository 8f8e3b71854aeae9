import type { NDArray } from "../../core/array.ts";
import { type Atom, type Eqn, eqnHasEffects, Jaxpr, Literal, type Var } from "../../core/jaxpr.ts";
import { note } from "../../core/journal.ts";
import { type LoopParams, loopInputs, loopOutputs } from "../../core/loop.ts";
import { filled } from "../../util/zip.ts";
import { isFixed, upTo } from "./rewrite.ts";
import { Stacks } from "./stacks.ts";

/** A product of no more rows than this per iteration leaves most of a kernel's registers, or of its time, to the weights. */
const FEW_ROWS = 8;
/** Products per element below which storing the element and reading it again costs more than computing it. */
const DEEP = 32;

/**
 * Hoisting. Products of xs with what does not change, which need nothing of the carry, are done for all iterations at once
 * before the loop, by their batching rule over time; so is what follows from them alone.
 *
 *   before  scan (c, x; w) { z = dot x w; c' = tanh (z + c) }
 *   after   zs = vmap(dot)(xs, w);   scan (c, z) { c' = tanh (z + c) }
 *
 * Worth it when an iteration has few rows: then it is the weights that take the time, and they move once instead of once per
 * iteration. With many rows it would only move the products through memory.
 */
export function hoistContractions(eqn: Eqn, inputs: NDArray[]): NDArray[] {
  const p = eqn.params as LoopParams;
  const plan = planOf(p);
  return plan ? runHoisted(eqn, inputs, plan) : eqn.primitive.bind(inputs, p);
}

interface Hoist {
  /** What is done before the loop, and what that needs of the body. */
  readonly early: ReadonlySet<Eqn>;
  readonly needs: readonly Eqn[];
}

function planOf(p: LoopParams): Hoist | undefined {
  const body = p.jaxpr;
  const same = isFixed(body, p);
  const [fixed, varying, made] = [
    new Set<Atom>(),
    new Set<Atom>(loopInputs(body.invars, p).xs),
    new Set<Atom>(),
  ];
  const isFixedHere = (a: Atom): boolean => same(a) || fixed.has(a);
  const independent: Eqn[] = [];
  const early = new Set<Eqn>();
  for (const eqn of body.eqns) {
    const free = eqn.inputs.every((a) => isFixedHere(a) || varying.has(a));
    if (!free || eqnHasEffects(eqn) || eqn.primitive.kind === "loop") continue;
    independent.push(eqn);
    const kind = eqn.inputs.every(isFixedHere) ? fixed : varying;
    for (const v of eqn.outputs) kind.add(v);
    if (!isThinProduct(eqn, varying) && !follows(eqn, made)) continue;
    early.add(eqn);
    for (const v of eqn.outputs) made.add(v);
  }
  return early.size ? { early, needs: upTo(independent, made) } : undefined;
}

/**
 * Whether a contraction has few rows that vary and a long sum. With operands of m·k and k·n elements and m·n results, m² is
 * the product of the first and the last by the second, whatever the layout.
 */
function isThinProduct({ primitive, inputs, outputs }: Eqn, varying: ReadonlySet<Atom>): boolean {
  const [x, ...more] = inputs.filter((a) => varying.has(a));
  const w = inputs.find((a) => !varying.has(a));
  if (primitive.kind !== "contract" || !x || !w || more.length > 0) return false;
  const [mk, kn, mn] = [x.aval.size, w.aval.size, outputs[0]!.aval.size];
  return (mk * mn) / kn <= FEW_ROWS ** 2 && (mk * kn) / mn >= DEEP ** 2;
}

/** Elementwise work on hoisted values alone. */
const follows = ({ primitive, inputs }: Eqn, made: ReadonlySet<Atom>): boolean =>
  (primitive.kind === "map" || primitive.kind === "view") && inputs.some((a) => made.has(a));

function runHoisted(eqn: Eqn, inputs: NDArray[], { early, needs }: Hoist): NDArray[] {
  const p = eqn.params as LoopParams;
  const body = p.jaxpr;
  const stacks = Stacks.of(p, inputs);
  stacks.run(needs);

  const rest = body.eqns.filter((e) => !early.has(e));
  const outs = loopOutputs(body.outs, p);
  const made = new Set<Atom>([...early].flatMap((e) => e.outputs));
  const read = new Set<Atom>([...rest.flatMap((e) => e.inputs), ...outs.carry]);
  const hoisted = ([...made] as Var[]).filter((v) => read.has(v));
  for (const v of hoisted)
    note("hoisted", () => `${v.aval.short()} of ${p.length} iterations before the loop`);
  const inLoop = outs.ys.map((y) => y instanceof Literal || !made.has(y));
  const jaxpr = new Jaxpr([...body.invars, ...hoisted], rest, [
    ...outs.carry,
    ...outs.ys.filter((_, i) => inLoop[i]),
  ]);
  const results = eqn.primitive.bind([...inputs, ...hoisted.map((v) => stacks.stacked(v))], { ...p, jaxpr });
  const { carry, ys } = loopOutputs(results, p);
  return [...carry, ...filled(inLoop, ys, (i) => stacks.stacked(outs.ys[i]!))];
}
