/** Transformations of functions from lists to lists: `f` in the texts is the function. */
export interface ModeText {
  readonly weft: string;
  readonly jax: string;
}

const GRADIENT = {
  weft: "grad((...ys) => total(f(...ys)), { argnums: p.wrt })",
  jax: "jax.grad(lambda *ys: total(f(*ys)), p.wrt)",
};
const CHOSEN = {
  weft: "const [g, ys] = [restricted(f, xs, p.wrt), chosen(xs, p.wrt)];",
  jax: "(lambda g, ys: BODY)(restricted(f, xs, p.wrt), chosen(xs, p.wrt))",
};
const along = (weft: string, jax: string): ModeText => ({
  weft: `(...xs) => { ${CHOSEN.weft} ${weft} }`,
  jax: `lambda *xs: ${CHOSEN.jax.replace("BODY", jax)}`,
});

export const MODES: Readonly<Record<string, ModeText>> = {
  jit: { weft: "jit(f)", jax: "jax.jit(f)" },
  checkpoint: { weft: "checkpoint(f)", jax: "jax.checkpoint(f)" },
  vmap: { weft: "vmap(f, p.in, p.out)", jax: "jax.vmap(f, p.in, list(p.out))" },
  grad: { weft: GRADIENT.weft, jax: `lambda *xs: list(${GRADIENT.jax}(*xs))` },
  valueAndGrad: {
    weft: `(...xs) => ${GRADIENT.weft.replace("grad", "valueAndGrad")}(...xs).flat()`,
    jax: `lambda *xs: flat(${GRADIENT.jax.replace("grad", "value_and_grad")}(*xs))`,
  },
  jvp: along("return jvp(g, ys, ys.map(tangent)).flat();", "flat(jax.jvp(g, ys, [tangent(y) for y in ys]))"),
  vjp: along(
    "const [outs, pull] = vjp(g, ys); return [...outs, ...pull(outs.map(cotangent))];",
    "(lambda outs, pull: outs + list(pull([cotangent(o) for o in outs])))(*jax.vjp(g, *ys))",
  ),
  linearize: along(
    "const [outs, push] = linearize(g, ys); return [...outs, ...push(...ys.map(tangent))];",
    "(lambda outs, push: outs + push(*[tangent(y) for y in ys]))(*jax.linearize(g, *ys))",
  ),
  jacfwd: along(
    "return jacfwd((y) => g(y, ...ys.slice(1)))(ys[0]);",
    "jax.jacfwd(lambda y: g(y, *ys[1:]))(ys[0])",
  ),
  jacrev: along(
    "return jacrev((y) => g(y, ...ys.slice(1)))(ys[0]);",
    "jax.jacrev(lambda y: g(y, *ys[1:]))(ys[0])",
  ),
  hessian: along(
    "return [hessian((y) => total(g(y, ...ys.slice(1))))(ys[0])];",
    "[jax.hessian(lambda y: total(g(y, *ys[1:])))(ys[0])]",
  ),
  hvp: along(
    "return jvp(grad((...zs) => total(g(...zs)), { argnums: ys.map((_, i) => i) }), ys, ys.map(tangent))[1];",
    "list(jax.jvp(jax.grad(lambda *zs: total(g(*zs)), tuple(range(len(ys)))), ys, [tangent(y) for y in ys])[1])",
  ),
};

/** What needs derivatives backwards. */
export const BACKWARDS: ReadonlySet<string> = new Set([
  "grad",
  "valueAndGrad",
  "vjp",
  "jacrev",
  "hessian",
  "hvp",
]);
