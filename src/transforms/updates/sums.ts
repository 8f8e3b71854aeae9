/** Sums of arrays: their terms, and what of an equation is a sum with one of its operands. */
import { type Atom, type Eqn, type Jaxpr, Literal, subJaxprs, type Var } from "../../core/jaxpr.ts";
import { isCountedLoop, type LoopParams } from "../../core/loop.ts";
import { equalShape } from "../../util/shape.ts";
import { touchesFew, Uses } from "./rewrite.ts";

export interface Sum {
  readonly root: Eqn;
  readonly terms: readonly Atom[];
}

export const isSum = (eqn: Eqn | undefined): boolean =>
  eqn?.primitive.accumulates === true &&
  eqn.inputs.every((a) => equalShape(a.aval.shape, eqn.outputs[0]!.aval.shape));

/** Whether a is a sum that only another sum reads, so that it is a part of that. */
const isPart = (uses: Uses, a: Atom): boolean => isSum(uses.producer(a)) && isSum(uses.reader(a));

/** What is added up in these. */
export function termsOf(uses: Uses, ...atoms: readonly Atom[]): Atom[] {
  const [found, open]: [Atom[], Atom[]] = [[], [...atoms]];
  for (let a = open.pop(); a; a = open.pop())
    if (isPart(uses, a)) open.push(...uses.producer(a)!.inputs);
    else found.push(a);
  return found;
}

/** The sums of a program, each as a whole. */
export const sumsOf = ({ eqns }: Jaxpr, uses: Uses): Sum[] =>
  eqns
    .filter((eqn) => isSum(eqn) && !isPart(uses, eqn.outputs[0]!))
    .map((root) => ({ root, terms: termsOf(uses, ...root.inputs) }));

export function isZeros(uses: Uses, a: Atom): boolean {
  const made = uses.producer(a);
  const [x] = made?.inputs ?? [];
  return made?.primitive.kind === "expand" && x instanceof Literal && !x.value;
}

/** Whether what makes the term `a` can begin with another array than zeros, and then touches less than the whole of it. */
export function canBegin(uses: Uses, a: Atom): boolean {
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
export function begins(eqn: Eqn, k: number): [from?: Atom, kind?: "sparse" | "dense" | undefined] {
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
