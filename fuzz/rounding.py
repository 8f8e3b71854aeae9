"""Errors on purpose in every equation of a program, so also in those that only its derivatives have."""

import itertools

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, Literal
from prelude import is_float

# Fourteen units in the last place.
AMOUNT = {"float32": 14 * 2.0**-23, "float64": 14 * 2.0**-52}

# What these give is one of their operands' elements, or exact.
EXACT = set(
    "abs argmax argmin broadcast_in_dim ceil clamp concatenate convert_element_type copy copysign cummax cummin"
    " dynamic_slice dynamic_update_slice expand_dims floor gather imag iota is_finite max min neg"
    " nextafter optimization_barrier pad real reduce_max reduce_min reduce_precision reshape rev round"
    " scatter scatter-max scatter-min select_n sign slice sort split squeeze stop_gradient top_k transpose".split()
)
# These round inside, also when operands and result are short in binary.
INSIDE = set("cumlogsumexp cumprod digamma igamma igammac lgamma reduce_prod scatter_mul".split())
# These sum: of operands that are exact, the sum is.
SUMS = set("reduce_sum cumsum conv_general_dilated dot_general scatter_add scatter-add".split())
# Where terms cancel, what is left may be nothing at all.
CANCEL = SUMS | set("add sub add_any".split())


def is_short(x):
    """Which numbers are short in binary."""
    return (x * 1024 == jnp.round(x * 1024)) & (jnp.abs(x) < 8192)


def signed(x, is_negative):
    return jnp.where(is_negative, -x, x)


class Errors:
    """Relative errors as rounding makes them, others in every equation."""

    def __init__(self, seed):
        self.seed, self.numbers = seed, itertools.count(1)
        self.run = jnp.floor(seed).astype(jnp.int32)

    def hidden(self, x):
        """x times a one that XLA does not know: it makes a choice of a product with what was a bool, and infinity times 0 is 0 then."""
        return x * jnp.where(self.run < 0, 0, 1).astype(x.dtype)

    def is_run(self, number, of):
        return self.run % of == number

    def shaken(self, x):
        """x with errors everywhere."""
        if not is_float(x):
            return x
        x = jnp.asarray(x)
        phase = jnp.arange(x.size, dtype=x.dtype).reshape(x.shape) * 12.9898 + next(self.numbers) * 78.233
        wave = jnp.sin(phase + self.seed)
        # None is near zero: that would show nothing.
        error = AMOUNT[x.dtype.name] / 2 * (wave + jnp.where(wave < 0, -1, 1))
        return x * (1 + error.astype(x.dtype))

    def noisy(self, x):
        """x with errors but in numbers that are short in binary, which are exact."""
        if not is_float(x):
            return x
        # The sign of a NaN is the processor's: all have one in this run.
        nan = signed(jnp.abs(x), self.is_run(1, of=3))
        return jnp.where(jnp.isnan(x), nan, jnp.where(is_short(x), x, self.shaken(x)))

    def cancelled(self, out, magnitude, is_long):
        """In every other run nothing, of either sign, instead of what is left of terms of this magnitude, or of a long sum whose parts
        may overflow."""
        small = (jnp.abs(out) <= AMOUNT[out.dtype.name] * magnitude) & jnp.isfinite(magnitude)
        left = jnp.where(small, signed(out * 0, self.is_run(3, of=4)), out)
        left = jnp.where(jnp.isinf(magnitude), 0, left) if is_long else left
        return jnp.where(self.is_run(1, of=2), left, out)

    def summed(self, x):
        """x with errors everywhere, unless nothing was rounded: in a sum the largest term says how exact the others are."""
        return jnp.where(jnp.all(is_short(x)), x, self.shaken(x)) if is_float(x) else x


def with_rounding_errors(f, seed, xs):
    """f(*xs), its transformations done, with errors after every equation that rounds."""
    closed, out = jax.make_jaxpr(f, return_shape=True)(*xs)
    flat = evaluate(closed, jax.tree.leaves(xs), Errors(seed))
    return jax.tree.unflatten(jax.tree.structure(out), flat)


def evaluate(closed, args, errors):
    env = dict(zip(closed.jaxpr.constvars, closed.consts)) | dict(zip(closed.jaxpr.invars, args))

    def read(a):
        return a.val if isinstance(a, Literal) else env[a]

    for eqn in closed.jaxpr.eqns:
        env.update(zip(eqn.outvars, apply(eqn, [read(a) for a in eqn.invars], errors)))
    return [read(a) for a in closed.jaxpr.outvars]


def closed_of(jaxpr):
    return jaxpr if isinstance(jaxpr, ClosedJaxpr) else ClosedJaxpr(jaxpr, ())


def scan(args, errors, jaxpr, num_consts, num_carry, length, reverse, unroll, **_):
    consts, init, xs = args[:num_consts], args[num_consts:][:num_carry], args[num_consts + num_carry :]

    def body(carry, x):
        outs = evaluate(jaxpr, [*consts, *carry, *x], errors)
        return outs[:num_carry], outs[num_carry:]

    carry, ys = lax.scan(body, init, xs, length=length, reverse=reverse, unroll=unroll)
    return [*carry, *ys]


def while_loop(args, errors, cond_jaxpr, cond_nconsts, body_jaxpr, body_nconsts):
    of_cond, of_body = args[:cond_nconsts], args[cond_nconsts:][:body_nconsts]
    holds = lambda carry: evaluate(cond_jaxpr, [*of_cond, *carry], errors)[0]

    def step(carry):
        # Of a mapped loop only those lanes go on whose condition holds.
        on = holds(carry)
        chosen = lambda x, y: jnp.where(on.reshape(on.shape + (1,) * (x.ndim - on.ndim)), x, y)
        return [chosen(x, y) for x, y in zip(evaluate(body_jaxpr, [*of_body, *carry], errors), carry)]

    return lax.while_loop(lambda carry: jnp.any(holds(carry)), step, args[cond_nconsts + body_nconsts :])


def cond(args, errors, branches, **_):
    index, *operands = args
    return lax.switch(index, [lambda *xs, b=b: evaluate(b, xs, errors) for b in branches], *operands)


CONTROL = {"scan": scan, "while": while_loop, "cond": cond}


def magnitude(eqn, args):
    """The sum of the finite terms' magnitudes."""
    terms = [jnp.where(jnp.isfinite(x), jnp.abs(x), 0) if is_float(x) else x for x in args]
    name = "add" if eqn.primitive.name == "sub" else eqn.primitive.name
    total = jnp.add(*terms) if name in ("add", "add_any") else eqn.primitive.bind(*terms, **eqn.params)
    return total


def apply(eqn, args, errors):
    name, params = eqn.primitive.name, eqn.params
    if name in CONTROL:
        return CONTROL[name](args, errors, **params)
    called = params.get("call_jaxpr", params.get("jaxpr"))
    if called is not None:
        return evaluate(closed_of(called), args, errors)
    if name in INSIDE or name in SUMS:
        change = errors.shaken if name in INSIDE else errors.summed
        args = [change(x) for x in args]
    outs = eqn.primitive.bind(*args, **params)
    outs = outs if eqn.primitive.multiple_results else [outs]
    if name in CANCEL and is_float(outs[0]) and not all(isinstance(a, Literal) for a in eqn.invars):
        outs = [errors.cancelled(outs[0], magnitude(eqn, args), is_long=name in SUMS)]
    if name == "convert_element_type" and is_float(outs[0]):
        outs = [errors.hidden(outs[0])]
    return outs if name in EXACT else [errors.noisy(x) for x in outs]
