/** Prints jaxprs as JAX prints them. Source: `core.py` (pp_jaxpr and its helpers). */
import { brk, concat, type Doc, group, join, nest, render, text } from "../util/pretty.ts";
import type { ShapedArray } from "./aval.ts";
import type { Atom, Eqn, Jaxpr, Literal, Var } from "./jaxpr.ts";

const isLiteral = (a: Atom): a is Literal => "value" in a;
const isJaxpr = (x: unknown): x is Jaxpr =>
  typeof x === "object" && x !== null && "eqns" in x && "invars" in x;

/** Names are given on first print and are unique across nested jaxprs: a … z, ba, bb, … */
class Names {
  readonly #names = new Map<Var, string>();
  #given = 0;
  of(v: Var): string {
    let name = this.#names.get(v);
    if (!name) this.#names.set(v, (name = letters(this.#given++)));
    return name;
  }
  /** Variables of a called program are named like those of the caller that they stand for. */
  share(inner: readonly Atom[], outer: readonly Atom[]): void {
    inner.forEach((v, i) => {
      const other = outer[i]!;
      if (!isLiteral(v) && !isLiteral(other) && !this.#names.has(v)) this.#names.set(v, this.of(other));
    });
  }
}

function letters(n: number): string {
  const last = String.fromCharCode(97 + (n % 26));
  return n < 26 ? last : letters(Math.floor(n / 26)) + last;
}

/** `{ lambda consts ; inputs. let equations in (outputs,) }` */
export function printJaxpr(jaxpr: Jaxpr): string {
  const names = new Names();
  const shared = new Shared(jaxpr, names);
  const main = shared.define();
  return render(concat([...main, jaxprDoc(jaxpr, names, shared, jaxpr.numConsts)]));
}

/** Sub-jaxprs that are used twice or have more than ten equations are printed first, under a name. */
class Shared {
  readonly #nameOf = new Map<Jaxpr, string>();
  readonly #names: Names;
  constructor(top: Jaxpr, names: Names) {
    this.#names = names;
    const uses = new Map<Jaxpr, number>();
    const label = new Map<Jaxpr, string>();
    visitSubJaxprs(top, (j, name) => {
      uses.set(j, (uses.get(j) ?? 0) + 1);
      label.set(j, name);
    });
    const taken = new Map<string, number>();
    for (const [j, n] of uses)
      if (n > 1 || j.eqns.length > 10) this.#nameOf.set(j, unique(label.get(j)!, taken));
  }
  name(j: Jaxpr): string | undefined {
    return this.#nameOf.get(j);
  }
  define(): Doc[] {
    return [...this.#nameOf].flatMap(([j, name]) => [
      text(`let ${name} = `),
      jaxprDoc(j, this.#names, this),
      text(" in\n"),
    ]);
  }
}

function unique(name: string, taken: Map<string, number>): string {
  const n = taken.get(name) ?? 0;
  taken.set(name, n + 1);
  return n === 0 ? name : `${name}${n}`;
}

/** Visits inner jaxprs before the ones that contain them, so that definitions come first. */
function visitSubJaxprs(jaxpr: Jaxpr, visit: (j: Jaxpr, name: string) => void): void {
  for (const eqn of jaxpr.eqns)
    for (const p of Object.values(eqn.params).flat()) {
      if (!isJaxpr(p)) continue;
      visitSubJaxprs(p, visit);
      visit(p, String(eqn.params["name"] ?? "jaxpr").replace(/[<>]/g, ""));
    }
}

/** The first `numConsts` inputs stand apart; in jaxprs of equations all inputs are alike. */
function jaxprDoc(jaxpr: Jaxpr, names: Names, shared: Shared, numConsts = 0): Doc {
  const binder = (v: Var): Doc => text(`${names.of(v)}:${v.aval.short()}`);
  const binders = (vars: readonly Var[]): Doc => nest(2, join(group(brk()), vars.map(binder)));
  const constvars = jaxpr.invars.slice(0, numConsts);
  const consts = constvars.length ? [binders(constvars)] : [];
  const invars = binders(jaxpr.invars.slice(numConsts));
  const used = usedVars(jaxpr);
  const eqns = jaxpr.eqns.map((e) => eqnDoc(e, names, shared, used));
  const outs = jaxpr.outs.map((a) => atomText(a, names));
  const tuple = outs.length === 1 ? `(${outs[0]},)` : `(${outs.join(", ")})`;
  return group(
    nest(
      2,
      concat([
        text("{ "),
        group(concat([text("lambda "), ...consts, text("; "), invars, text(". let")])),
        nest(2, concat([brk(), join(semi, eqns)])),
        brk(),
        text(`in ${tuple} }`),
      ]),
    ),
  );
}

/** `; ` on one line, a line break alone when broken. */
const semi: Doc = brk("; ");

function usedVars(jaxpr: Jaxpr): Set<Atom> {
  return new Set<Atom>([...jaxpr.outs, ...jaxpr.eqns.flatMap((e) => e.inputs)]);
}

function eqnDoc(eqn: Eqn, names: Names, shared: Shared, used: Set<Atom>): Doc {
  const lhs = eqn.outputs.map((v) => text(`${used.has(v) ? names.of(v) : "_"}:${v.aval.short()}`));
  if (eqn.primitive.kind === "call") nameLikeCaller(eqn, names, shared);
  const params = paramsDoc(eqn, names, shared);
  const args = eqn.inputs.map((a) => text(atomText(a, names)));
  const rhs = [text(eqn.primitive.name), ...params, text(" "), nest(2, join(group(brk()), args))];
  if (lhs.length === 0) return concat(rhs);
  return concat([nest(2, join(group(brk()), lhs)), text(" = "), ...rhs]);
}

function nameLikeCaller({ params, inputs, outputs }: Eqn, names: Names, shared: Shared): void {
  for (const j of Object.values(params).filter(isJaxpr)) {
    if (shared.name(j)) continue;
    names.share(j.invars, inputs);
    names.share(j.outs, outputs);
  }
}

function paramsDoc(eqn: Eqn, names: Names, shared: Shared): Doc[] {
  const shown = (eqn.primitive.printParams ?? ((p) => p))(eqn.params);
  const entries = Object.entries(shown)
    .map(([k, v]): [string, unknown] => [snakeCase(k), v])
    .sort(([a], [b]) => (a === "name" ? -1 : b === "name" ? 1 : a < b ? -1 : 1));
  if (entries.length === 0) return [];
  const docs = entries.map(([k, v]) => concat([text(`${k}=`), valueDoc(v, names, shared)]));
  return [group(concat([text("["), nest(2, concat([brk(""), join(brk(), docs)])), brk(""), text("]")]))];
}

function valueDoc(v: unknown, names: Names, shared: Shared): Doc {
  if (isJaxpr(v)) {
    const name = shared.name(v);
    return name ? text(name) : jaxprDoc(v, names, shared);
  }
  if (Array.isArray(v) && v.some(isJaxpr)) {
    const parts = v.map((j) => concat([brk(), valueDoc(j, names, shared)]));
    return group(concat([text("("), nest(2, concat(parts)), brk(), text(")")]));
  }
  return text(pythonText(v));
}

/** A parameter as Python would print it. */
function pythonText(v: unknown): string {
  if (typeof v === "boolean") return v ? "True" : "False";
  if (v === null || v === undefined) return "None";
  if (Array.isArray(v))
    return v.length === 1 ? `(${pythonText(v[0])},)` : `(${v.map(pythonText).join(", ")})`;
  if (typeof v === "function") return v.name || "<lambda>";
  if (typeof v === "object" && Object.getPrototypeOf(v) === Object.prototype)
    return `{${Object.entries(v)
      .map(([k, x]) => `${k}=${pythonText(x)}`)
      .join(", ")}}`;
  return String(v);
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

const atomText = (a: Atom, names: Names): string =>
  isLiteral(a) ? literalText(a.value, a.aval) : names.of(a);

const literalText = (value: number | boolean, type: ShapedArray): string =>
  `${typeof value === "boolean" ? pythonText(value) : type.dtype.startsWith("float") ? pythonFloat(written(value, type)) : value}:${type.short()}`;

/** A plain number of the user's is shown as it was written, as far as float32 kept its digits. */
function written(value: number, { dtype, weakType }: ShapedArray): number {
  if (dtype !== "float32" || !weakType || !Number.isFinite(value)) return value;
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((n) => Math.fround(Number(value.toPrecision(n))) === value);
  return Number(value.toPrecision(digits));
}

/** Python's `repr` of a float: other exponents and switch points than JavaScript's. */
function pythonFloat(x: number): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  const size = Math.abs(x);
  if (x !== 0 && (size >= 1e16 || size < 1e-4)) return x.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  const s = String(x);
  if (Object.is(x, -0)) return "-0.0";
  return /[.e]/.test(s) ? s : `${s}.0`;
}
