import type { NDArray } from "../../core/array.ts";
import {
  type Atom,
  type Eqn,
  type Jaxpr,
  Literal,
  mapJaxprs,
  subJaxprs,
  type Var,
} from "../../core/jaxpr.ts";
import { note } from "../../core/journal.ts";
import { isCountedLoop, type LoopParams } from "../../core/loop.ts";
import { ops } from "../../core/ops.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { equalShape } from "../../util/shape.ts";
import { deep, touchesFew, Uses } from "./rewrite.ts";

/**
 * Accumulation in place. The cotangent of a slice, or of a row that was looked up, is zeros with something written into them;
 * added to what there is already, it is an update of that.
 *
 *   before  z = broadcast 0;  u = dynamic_update_slice z ct i;  s' = add s u
 *   after   s' = scatter-add s i ct
 *
 * The same with a loop that adds to a carry which begins as zeros (it begins as s), and with branches some of which add
 * nothing (they take s and add to it). So a sum that goes through nested loops and branches is one array that all of them
 * add to. The terms of a sum are added in the order in which they are made.
 */
export const accumulate: (jaxpr: Jaxpr) => Jaxpr = deep((jaxpr) => {
  const uses = new Uses(jaxpr);
  const sums = sumsOf(jaxpr, uses).filter(({ terms }) =>
    terms.some((a) => isZeros(uses, a) || canBegin(uses, a)),
  );
  return sums.length ? rewritten(jaxpr, uses, sums) : jaxpr;
});

interface Sum {
  readonly root: Eqn;
  readonly terms: readonly Atom[];
}

const isSum = (eqn: Eqn | undefined): boolean =>
  eqn?.primitive.accumulates === true &&
  eqn.inputs.every((a) => equalShape(a.aval.shape, eqn.outputs[0]!.aval.shape));

/** The sums of a program, each as a whole: what only another sum reads is a part of that. */
function sumsOf({ eqns }: Jaxpr, uses: Uses): Sum[] {
  const isPart = (a: Atom): boolean => isSum(uses.producer(a)) && isSum(uses.reader(a));
  const terms = (root: Eqn): Atom[] => {
    const [found, open]: Atom[][] = [[], [...root.inputs]];
    for (let a = open!.pop(); a; a = open!.pop())
      if (isPart(a)) open!.push(...uses.producer(a)!.inputs);
      else found!.push(a);
    return found!;
  };
  return eqns
    .filter((eqn) => isSum(eqn) && !isPart(eqn.outputs[0]!))
    .map((root) => ({ root, terms: terms(root) }));
}

function isZeros(uses: Uses, a: Atom): boolean {
  const made = uses.producer(a);
  const [x] = made?.inputs ?? [];
  return made?.primitive.kind === "expand" && x instanceof Literal && !x.value;
}

/** Whether what makes the term `a` can begin with another array than zeros, and then touches less than the whole of it. */
function canBegin(uses: Uses, a: Atom): boolean {
  const eqn = uses.producer(a);
  if (!eqn || !uses.reader(a)) return false;
  const k = eqn.outputs.indexOf(a as Var);
  if (eqn.primitive.kind === "branch")
    return subJaxprs(eqn.params).some((branch) => addsLittle(branch, branch.outs[k]!));
  if (!isCountedLoop(eqn)) return writesIntoZeros(uses, eqn);
  const { jaxpr, numConsts, numCarry } = eqn.params as LoopParams;
  const [init, carry] = [eqn.inputs[numConsts + k]!, jaxpr.invars[numConsts + k]!];
  return k < numCarry && isZeros(uses, init) && sumFrom(jaxpr, carry, jaxpr.outs[k]!) === "sparse";
}

const writesIntoZeros = (uses: Uses, eqn: Eqn): boolean => touchesFew(eqn) && isZeros(uses, eqn.inputs[0]!);

function addsLittle(branch: Jaxpr, out: Atom): boolean {
  const uses = new Uses(branch);
  const made = uses.producer(out);
  if (!made || isZeros(uses, out)) return made !== undefined;
  if (!isSum(made)) return writesIntoZeros(uses, made);
  const sum = sumsOf(branch, uses).find(({ root }) => root === made);
  return sum?.terms.every((a) => isZeros(uses, a) || canBegin(uses, a)) ?? false;
}

/**
 * Whether `out` is `invar` with something added to it and nothing else reads it on the way; "sparse" when that touches a part of
 * it only, at least now and then.
 */
function sumFrom(jaxpr: Jaxpr, invar: Var, out: Atom): "sparse" | "dense" | undefined {
  const uses = new Uses(jaxpr);
  let sparse = out === invar;
  const comesFrom = (a: Atom): boolean => {
    const eqn = uses.producer(a);
    if (!uses.readOnce(a)) return false;
    if (!eqn) return a === invar;
    if (isSum(eqn)) return eqn.inputs.some(comesFrom);
    const [from, kind] = begins(eqn, eqn.outputs.indexOf(a as Var));
    if (kind === "sparse") sparse = true;
    return kind !== undefined && comesFrom(from!);
  };
  return comesFrom(out) ? (sparse ? "sparse" : "dense") : undefined;
}

/** The operand that result k of an equation is with something added. */
function begins(eqn: Eqn, k: number): [from?: Atom, kind?: "sparse" | "dense" | undefined] {
  const { primitive, params, inputs } = eqn;
  if (primitive.update) return primitive.update.adds ? [inputs[0]!, "sparse"] : [];
  if (isCountedLoop(eqn)) {
    const { jaxpr, numConsts, numCarry } = params as LoopParams;
    const at = numConsts + k;
    return k < numCarry ? [inputs[at]!, sumFrom(jaxpr, jaxpr.invars[at]!, jaxpr.outs[k]!)] : [];
  }
  if (primitive.kind !== "branch") return [];
  const all = inputs.slice(1).map((x, i): [Atom, "sparse" | "dense" | undefined] => {
    const kinds = subJaxprs(params).map((j) => sumFrom(j, j.invars[i]!, j.outs[k]!));
    return [x, kinds.includes(undefined) ? undefined : kinds.includes("sparse") ? "sparse" : "dense"];
  });
  return all.find(([, kind]) => kind) ?? [];
}

function rewritten(jaxpr: Jaxpr, uses: Uses, sums: readonly Sum[]): Jaxpr {
  const roots = new Map(sums.map((sum) => [sum.root, sum]));
  const sumsWith = new Map<Atom, Sum[]>();
  for (const sum of sums)
    for (const a of sum.terms) if (!isZeros(uses, a)) sumsWith.set(a, [...(sumsWith.get(a) ?? []), sum]);
  const values = new Map<Sum, NDArray>();
  const put = (a: Atom, term: NDArray): void => {
    for (const sum of sumsWith.get(a) ?? []) {
      const value = values.get(sum);
      values.set(sum, value ? ops().add(value, term) : term);
    }
  };
  const apply = (eqn: Eqn, inputs: NDArray[]): NDArray[] => {
    const root = roots.get(eqn);
    const begun = eqn.outputs.map((v) => (canBegin(uses, v) ? sumsWith.get(v)?.[0] : undefined));
    const starts = begun.map((sum) => sum && values.get(sum));
    const outs = root ? [values.get(root) ?? inputs[0]!] : bindFrom(eqn, inputs, starts);
    eqn.outputs.forEach((v, k) => {
      if (starts[k]) values.set(begun[k]!, outs[k]!);
      else put(v, outs[k]!);
    });
    return outs;
  };
  return stage((args) => {
    jaxpr.invars.forEach((v, i) => put(v, args[i]!));
    return evalJaxpr(jaxpr, args, apply);
  }, jaxpr.inAvals).jaxpr;
}

/** Binds an equation so that result k begins with `starts[k]` where that is given. */
function bindFrom(eqn: Eqn, inputs: NDArray[], starts: readonly (NDArray | undefined)[]): NDArray[] {
  const { primitive, params } = eqn;
  const given = starts.filter((x) => x !== undefined);
  if (given.length === 0) return primitive.bind(inputs, params);
  for (const start of given) note("accumulated", () => `what is added to parts of ${start.aval.short()}`);
  if (primitive.update) {
    const added = primitive.update.add([given[0]!, ...inputs.slice(1)], params);
    return [added ?? ops().add(given[0]!, primitive.bind(inputs, params)[0]!)];
  }
  if (primitive.kind === "branch")
    return primitive.bind(
      [...inputs, ...given],
      mapJaxprs(params, (branch) => accumulate(beginning(branch, starts))),
    );
  const { numConsts } = params as LoopParams;
  return primitive.bind(
    inputs.map((x, i) => starts[i - numConsts] ?? x),
    params,
  );
}

/** A branch that takes what results begin with as more operands. */
const beginning = (branch: Jaxpr, starts: readonly (NDArray | undefined)[]): Jaxpr =>
  stage(
    (args) => {
      const given = args.slice(branch.invars.length);
      const outs = evalJaxpr(branch, args.slice(0, branch.invars.length));
      return outs.map((out, k) => (starts[k] ? ops().add(given.shift()!, out) : out));
    },
    [...branch.inAvals, ...starts.flatMap((x) => (x ? [x.aval] : []))],
  ).jaxpr;
