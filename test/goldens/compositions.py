"""Every form of control flow and derivative rule in every composition of transformations."""

import codec
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

X = np.array([0.5, 2, 1.25], np.float32)
C = np.array([0.75, -0.5, 1.5], np.float32)
TS = np.array([[1, 0.5, -1], [0.25, 2, 0.5]], np.float32)


def custom_jvp(f, rule):
    g = jax.custom_jvp(f)
    g.defjvp(rule)
    return g


def custom_vjp(f, fwd, bwd):
    g = jax.custom_vjp(f)
    g.defvjp(fwd, bwd)
    return g


# Rules that are wrong on purpose: they show whose rule was used.
jvp_constant = custom_jvp(lambda y: C * y, lambda p, t: (C * p[0], C * t[0] * 2))
jvp_makes = custom_jvp(
    lambda y: y * jnp.arange(3.0), lambda p, t: (p[0] * jnp.arange(3.0), t[0] * jnp.array([1.0, 2, 3]) + t[0][::-1])
)
jvp_nonlinear = custom_jvp(lambda y: jnp.sin(y), lambda p, t: (jnp.sin(p[0]), t[0] * p[0] * C))
vjp_constant = custom_vjp(lambda y: C * y, lambda y: (C * y, y), lambda y, g: (C * g * y,))
vjp_bwd_only = custom_vjp(lambda y: 2 * y, lambda y: (2 * y, None), lambda _, g: (C * g,))
vjp_residual = custom_vjp(lambda y: y + C, lambda y: (y + C, C), lambda c, g: (c * g,))
vjp_makes = custom_vjp(lambda y: jnp.cos(y), lambda y: (jnp.cos(y), y), lambda y, g: (g * jnp.ones(3) + jnp.array([1.0, 2, 3]) * y,))
jvp_in_jvp = custom_jvp(lambda y: jvp_constant(y) + y, lambda p, t: (jvp_constant(p[0]) + p[0], jvp_constant(t[0]) * C))
vjp_in_vjp = custom_vjp(
    lambda y: vjp_constant(jnp.sin(y)), lambda y: (vjp_constant(jnp.sin(y)), y), lambda y, g: (vjp_constant(g) * y,)
)
vjp_of_grad = custom_vjp(
    lambda y: jnp.sin(y), lambda y: (jnp.sin(y), jax.grad(lambda z: jnp.sum(vjp_constant(z) * z))(y)), lambda r, g: (r * g,)
)
jvp_recursive = custom_jvp(lambda y: jnp.exp(y * C), lambda p, t: (jvp_recursive(p[0]), jvp_recursive(p[0]) * t[0] * C))
jvp_two = custom_jvp(lambda y, z: y * z, lambda p, t: (p[0] * p[1], p[0] * t[1] * 3 + C * t[0]))
vjp_two = custom_vjp(lambda y, z: y * z, lambda y, z: (y * z, (y, z)), lambda r, g: (r[1] * g * C, None))
vjp_first = custom_vjp(lambda y, z: 2 * y, lambda y, z: (2 * y, y), lambda y, g: (C * y * g, None))
vjp_tree = custom_vjp(
    lambda d: {"s": d["a"] * d["b"][0]},
    lambda d: ({"s": d["a"] * d["b"][0]}, d),
    lambda d, g: ({"a": g["s"] * C, "b": (None, g["s"] * 2)},),
)


def scan(f, n=3):
    return lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=n)[0]


def positive(y):
    return jnp.where(y > 0.6, y, 0.5 * y)


def step(c, t):
    c = jnp.sin(c) * t
    return c, c * t


FORMS = {
    "customJvp of a constant": jvp_constant,
    "customJvp that makes arrays": jvp_makes,
    "customJvp, not linear": jvp_nonlinear,
    "customJvp in customJvp": jvp_in_jvp,
    "customJvp that calls itself": jvp_recursive,
    "customJvp of two": lambda x: jvp_two(x, jnp.sin(x)),
    "customJvp of two, one constant": lambda x: jvp_two(C, x),
    "customVjp of a constant": vjp_constant,
    "customVjp, bwd of a constant": vjp_bwd_only,
    "customVjp with a constant residual": vjp_residual,
    "customVjp that makes arrays": vjp_makes,
    "customVjp in customVjp": vjp_in_vjp,
    "customVjp with grad inside": vjp_of_grad,
    "customVjp of two, null for one": lambda x: vjp_two(x, jnp.cos(x)),
    "customVjp of trees": lambda x: vjp_tree({"a": x, "b": (jnp.sin(x), x)})["s"],
    "customVjp in jit": jax.jit(vjp_bwd_only),
    "customJvp in cond": lambda x: lax.cond(x[0] > 0, jvp_constant, lambda y: y, x),
    "customVjp in switch": lambda x: lax.switch(1, [jnp.sin, vjp_constant, vjp_bwd_only], x),
    "customVjp in scan": scan(vjp_bwd_only),
    "customJvp in fori": lambda x: lax.fori_loop(0, 2, lambda i, c: jvp_nonlinear(c), x),
    "customVjp in checkpoint": jax.checkpoint(lambda x: jnp.sin(vjp_constant(x))),
    "customVjp of scan xs": lambda x: lax.scan(lambda c, t: (c + vjp_constant(x) * t, vjp_bwd_only(c)), x, TS)[1].sum(0),
    "checkpoint of scan": jax.checkpoint(scan(jnp.sin)),
    "checkpoint of fori": jax.checkpoint(lambda x: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) * C, x)),
    "checkpoint of cond": jax.checkpoint(lambda x: positive(lax.cond(x[0] > 0, jnp.sin, jnp.cos, x))),
    "checkpoint of jit": jax.checkpoint(lambda x: positive(jax.jit(lambda y: jnp.sin(jnp.cos(y)))(x))),
    "checkpoint of checkpoint": jax.checkpoint(lambda x: positive(jax.checkpoint(lambda y: jnp.exp(jnp.sin(y)))(x))),
    "checkpoint of map": jax.checkpoint(lambda x: positive(lax.map(lambda t: jnp.sin(t) * x, x).sum(0))),
    "checkpoint of an unused scan": jax.checkpoint(lambda x: positive(lax.scan(lambda c, t: (c, x), 0, x)[1].sum(0))),
    "checkpoint, carry forwarded": jax.checkpoint(lambda x: positive(lax.scan(lambda c, t: (c, t * 2), x, x)[0])),
    "checkpoint of a ys product": jax.checkpoint(lambda x: (lambda y: jnp.exp(y) * y)(lax.scan(step, x, TS)[1]).sum(0)),
    "checkpoint of take": jax.checkpoint(
        lambda x: jnp.take(jnp.sin(x), lax.scan(lambda c, t: (c + 1, c), jnp.int32(0), x)[1], mode="clip")
    ),
    "checkpoint of two scans": jax.checkpoint(lambda x: scan(jnp.cos)(positive(scan(jnp.sin)(x)))),
    "checkpoint of a while": jax.checkpoint(
        lambda x: x * lax.while_loop(lambda n: n < 3, lambda n: n + 1, lax.stop_gradient(x[0]))
    ),
    "checkpoint of a sort": jax.checkpoint(lambda x: jnp.cumprod(jnp.sort(jnp.sin(x)))),
    "scan of checkpoint": scan(jax.checkpoint(lambda c: jnp.sin(jnp.cos(c) * c))),
    "scan of checkpoint of scan": scan(jax.checkpoint(scan(jax.checkpoint(jnp.sin), 2)), 2),
    "cond of checkpoint": lambda x: lax.cond(x[0] > 0, jax.checkpoint(lambda y: jnp.exp(jnp.sin(y))), jnp.cos, x),
    "checkpoint, everything kept": jax.checkpoint(
        lambda x: jnp.exp(jnp.sin(x)), policy=jax.checkpoint_policies.everything_saveable
    ),
    "fori of scan": lambda x: lax.fori_loop(0, 2, lambda i, c: lax.scan(step, c, TS)[0] + i, x),
    "scan of fori": scan(lambda c: lax.fori_loop(0, 2, lambda i, s: jnp.sin(s) + i * c, c)),
    "fori with bounds of arrays": lambda x: lax.fori_loop(np.int32(0), np.int32(2), lambda i, c: jnp.sin(c) * i, x),
    "fori of cond": lambda x: lax.fori_loop(0, 3, lambda i, c: lax.cond(i % 2 == 0, jnp.sin, lambda v: v * C, c), x),
    "while": lambda x: lax.while_loop(lambda c: jnp.sum(c) < 9, lambda c: c * 1.5 + C, x),
    "fori with a traced bound": lambda x: lax.fori_loop(0, (x[0] * 4).astype(jnp.int32), lambda i, c: jnp.sin(c) * x, x),
    "scan reversed": lambda x: lax.scan(step, x, TS, reverse=True)[1].sum(0),
    "scan of no element": lambda x: lax.scan(step, x, TS[:0])[0] + lax.scan(step, x, TS[:0])[1].sum(0),
    "map in chunks": lambda x: lax.map(lambda t: jnp.sin(t) * t, x, batch_size=2),
    "switch": lambda x: lax.switch((x[0] * 2).astype(jnp.int32), [jnp.sin, lambda y: y * y, jnp.cos], x),
    "switch of constants": lambda x: lax.switch((x[0] * 2).astype(jnp.int32), [lambda: x, lambda: jnp.sin(x) * C, lambda: C + 0]),
    "associativeScan": lambda x: lax.associative_scan(jnp.multiply, jnp.sin(x)),
    "associativeScan reversed": lambda x: lax.associative_scan(lambda a, b: a * b + a, jnp.sin(x), reverse=True),
    "associativeScan of pairs": lambda x: lax.associative_scan(lambda p, q: (q[0] * p[0], q[0] * p[1] + q[1]), (x, x * C))[1],
    "associativeScan of one": lambda x: lax.associative_scan(jnp.multiply, x[:1]) * x,
    "associativeScan of none": lambda x: lax.associative_scan(jnp.multiply, x[:0]).sum() + x,
    "associativeScan along axis 1": lambda x: lax.associative_scan(jnp.multiply, TS * x, axis=1).sum(0),
}


# The derivative of root is infinite where x is 0.5: a zero cotangent that is an array becomes NaN there.
def root(x):
    return jnp.sqrt(x - 0.5)


DEAD = {
    "operand of cond": lambda x: lax.cond(x[0] > 0, lambda x, a: x * 2, lambda x, a: x, x, root(x)),
    "operand of switch": lambda x: lax.switch(1, [lambda x, a: x * 2, lambda x, a: x], x, root(x)),
    "operand of the other branch": lambda x: lax.cond(x[0] > 0, lambda x, a: x * 2, lambda x, a: x + a, x, root(x)),
    "result of cond": lambda x: lax.cond(x[0] > 0, lambda x: (x * 2, root(x)), lambda x: (x, x), x)[0],
    "operand of jit": lambda x: jax.jit(lambda x, a: x * 2)(x, root(x)),
    "result of jit": lambda x: jax.jit(lambda x: (x * 2, root(x)))(x)[0],
    "operand of checkpoint": lambda x: jax.checkpoint(lambda x, a: x * 2)(x, root(x)),
    "result of checkpoint": lambda x: jax.checkpoint(lambda x: (jnp.sin(x), root(x)))(x)[0],
    "xs of scan": lambda x: lax.scan(lambda c, t: (c * 2, None), x, root(x))[0],
    "constant of scan": lambda x: (lambda a: lax.scan(lambda c, t: (c * 2, a), x, TS)[0])(root(x)),
    "ys of scan": lambda x: lax.scan(lambda c, t: (c * 2, root(t)), x, x)[0],
    "carry of scan": lambda x: lax.scan(lambda c, t: ((c[0] * 2, c[1]), None), (x, root(x)), TS)[0][0],
    "changing carry of scan": lambda x: lax.scan(lambda c, t: ((c[0] * 2, c[1] * t), None), (x, root(x)), TS)[0][0],
    "constant of fori": lambda x: (lambda a: lax.fori_loop(0, 2, lambda i, c: (c[0] * 2, a), (x, x))[0])(root(x)),
    "carry of fori": lambda x: lax.fori_loop(0, 2, lambda i, c: (c[0] * 2, jnp.sin(c[1])), (x, root(x)))[0],
    "xs of map": lambda x: lax.map(lambda t: t[0] * 2, (x, root(x))),
    "argument of customVjp": lambda x: vjp_first(x, root(x)),
    "argument of customJvp": lambda x: custom_jvp(lambda y, z: y, lambda p, t: (p[0], t[0] * 2))(x, root(x)),
    "carry of while": lambda x: lax.while_loop(lambda c: jnp.sum(c[0]) < 9, lambda c: (c[0] * 2, c[1]), (x, root(x)))[0],
}
FORMS |= {f"dead {name}": f for name, f in DEAD.items()}


def loss(f):
    return lambda x: jnp.sum(f(x) * jnp.array([1.0, 2, -1]))


T = np.array([1, -2, 0.5], np.float32)


def batch(x):
    return jnp.stack([x, x * 0.5, x + 0.25])


COMPOSITIONS = {
    "value": lambda f: f,
    "grad": lambda f: jax.grad(loss(f)),
    "jvp": lambda f: lambda x: jax.jvp(f, (x,), (T,))[1],
    "linearize": lambda f: lambda x: jax.linearize(f, x)[1](T),
    "jacfwd": jax.jacfwd,
    "jacrev": jax.jacrev,
    "hessian": lambda f: jax.hessian(loss(f)),
    "grad of grad": lambda f: jax.grad(lambda x: jnp.sum(jax.grad(loss(f))(x) * T)),
    "vmap": lambda f: lambda x: jax.vmap(f)(batch(x)),
    "vmap of grad": lambda f: lambda x: jax.vmap(jax.grad(loss(f)))(batch(x)),
    "grad of vmap": lambda f: lambda x: jax.grad(lambda b: jnp.sum(jax.vmap(f, 1, 1)(b) * batch(X)))(batch(x).T),
    "grad of jit": lambda f: jax.grad(loss(jax.jit(f))),
    "grad in scan": lambda f: scan(lambda c: c + 0.1 * jax.grad(loss(f))(c), 2),
    "grad of scan": lambda f: jax.grad(loss(scan(lambda c: 0.5 * f(c), 2))),
    "grad of scans": lambda f: jax.grad(loss(scan(scan(lambda c: 0.5 * f(c), 2), 2))),
    "grad of fori": lambda f: jax.grad(loss(lambda x: lax.fori_loop(0, 2, lambda i, c: 0.5 * f(c) + i, x))),
    "grad of map": lambda f: jax.grad(lambda x: jnp.sum(lax.map(lambda r: f(r) * x, batch(X)) * batch(X))),
    "grad of cond": lambda f: jax.grad(loss(lambda x: lax.cond(x[0] > 0, f, lambda y: y, x))),
    "grad of switch": lambda f: jax.grad(loss(lambda x: lax.switch(2, [lambda y: y, jnp.sin, f], x))),
    "grad of checkpoint": lambda f: jax.grad(loss(jax.checkpoint(lambda x: positive(f(x))))),
    "grad of scan of checkpoint": lambda f: jax.grad(loss(scan(jax.checkpoint(lambda c: 0.5 * f(c)), 2))),
    "jvp of while": lambda f: lambda x: jax.jvp(
        lambda x: lax.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, 0.5 * f(s[1])), (0, x))[1], (x,), (T,)
    )[1],
    "vmap of a while per lane": lambda f: lambda x: jax.vmap(
        lambda x, n: lax.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, 0.5 * f(s[1])), (0, x))[1]
    )(batch(x), jnp.array([0, 2, 1])),
    "vmap of grad of a cond per lane": lambda f: lambda x: jax.vmap(
        jax.grad(loss(lambda x: lax.cond(x[0] > 0.4, f, lambda y: jnp.sin(y) * 2, x)))
    )(batch(x)),
}


def error(f):
    """Why JAX cannot make a program of f, or None."""
    try:
        jax.jit(f).lower(X)
    except Exception as e:
        return type(e).__name__


def rows():
    """All compositions of a form in one program: compiling takes most of the time."""
    for form, f in FORMS.items():
        made = {name: compose(f) for name, compose in COMPOSITIONS.items()}
        errors = {name: error(g) for name, g in made.items()}
        outs = jax.jit(lambda x: {name: g(x) for name, g in made.items() if not errors[name]})(X)
        for name in made:
            result = {"error": errors[name]} if errors[name] else {"out": codec.array(outs[name])}
            yield {"form": form, "composition": name, **result}
