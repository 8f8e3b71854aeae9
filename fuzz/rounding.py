"""Errors on purpose in every equation of a program, so also in those that only its derivatives have."""

import itertools

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal
from prelude import is_float, noise, shaken

# What these give is one of their operands' elements, or exact.
EXACT = set(
    "abs argmax argmin broadcast_in_dim ceil clamp concatenate convert_element_type copy copysign cummax cummin"
    " dynamic_slice dynamic_update_slice expand_dims floor gather imag iota is_finite max min neg"
    " nextafter optimization_barrier pad real reduce_max reduce_min reduce_precision reshape rev round scatter select_n sign slice"
    " sort split squeeze stop_gradient top_k transpose".split()
)
# These round inside, also when operands and result are short in binary.
INSIDE = set("cumlogsumexp cumprod digamma igamma igammac lgamma reduce_prod scatter_mul".split())


def with_rounding_errors(f, xs):
    """f(*xs), its transformations done, with the errors of prelude.noise after every equation that rounds."""
    closed, out = jax.make_jaxpr(f, return_shape=True)(*xs)
    flat = evaluate(closed, jax.tree.leaves(xs), itertools.count(1000))
    return jax.tree.unflatten(jax.tree.structure(out), flat)


def evaluate(closed, args, numbers):
    env = dict(zip(closed.jaxpr.constvars, closed.consts)) | dict(zip(closed.jaxpr.invars, args))

    def read(a):
        return a.val if isinstance(a, Literal) else env[a]

    for eqn in closed.jaxpr.eqns:
        env.update(zip(eqn.outvars, apply(eqn, [read(a) for a in eqn.invars], numbers)))
    return [read(a) for a in closed.jaxpr.outvars]


def closed_of(jaxpr):
    return jaxpr if isinstance(jaxpr, ClosedJaxpr) else ClosedJaxpr(jaxpr, ())


def noisy_body(jaxpr, numbers):
    return jax.make_jaxpr(lambda *xs: evaluate(jaxpr, xs, numbers))(*jaxpr.in_avals)


def apply(eqn, args, numbers):
    name, params = eqn.primitive.name, dict(eqn.params)
    called = params.get("call_jaxpr", params.get("jaxpr"))
    if called is not None and name != "scan":
        return evaluate(closed_of(called), args, numbers)
    for key in ("jaxpr", "body_jaxpr"):
        if key in params:
            params[key] = noisy_body(params[key], numbers)
    if "branches" in params:
        params["branches"] = tuple(noisy_body(b, numbers) for b in params["branches"])
    if name in INSIDE:
        args = [shaken(jnp.asarray(x), next(numbers)) if is_float(x) else x for x in args]
    outs = eqn.primitive.bind(*args, **params)
    outs = outs if eqn.primitive.multiple_results else [outs]
    if name in EXACT or "branches" in params or name in ("scan", "while"):
        return outs
    return [noise(x, next(numbers)) if is_float(x) else x for x in outs]
