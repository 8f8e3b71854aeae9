"""What the programs that print.ts writes call besides JAX itself."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn, random
from jax._src.lax.lax import _convert_element_type
from jax.ad_checkpoint import checkpoint_name

inf, nan = float("inf"), float("nan")


def lst(x):
    return list(x) if isinstance(x, (list, tuple)) else [x]


NARROW = {"int64": np.dtype("int32"), "uint64": np.dtype("uint32")}


def narrow(tree):
    """With integers of at most 32 bits, which stay as weakly typed as they are."""

    def narrowed(x):
        dtype = NARROW.get(str(getattr(x, "dtype", "")))
        return x if dtype is None else _convert_element_type(x, dtype, weak_type=x.weak_type)

    return jax.tree.map(narrowed, tree)


def whole(n):
    """A plain whole number as JAX has it without 64-bit types: weakly int32."""
    return narrow(jnp.asarray(n))


def starts(indices):
    """Start indices of one type: beside int32 a plain 0 is int64 where JAX has 64-bit types."""
    return [np.int32(i) if type(i) is int else narrow(i) for i in indices]


def flat(x):
    """A tuple of lists as one list."""
    return [leaf for part in x for leaf in lst(part)]


def parts(xs, n):
    return list(xs[:n]), list(xs[n:])


def is_float(x):
    return jnp.issubdtype(jnp.result_type(x), jnp.floating)


def probe(x, step, period):
    k = np.arange(int(np.prod(jnp.shape(x)))).reshape(jnp.shape(x))
    return jnp.asarray(((k * step + 3) % period - period / 2) / 2, jnp.result_type(x))


def tangent(x):
    return probe(x, 7, 5)


def cotangent(x):
    return probe(x, 5, 9)


def floats(outs):
    return [jnp.asarray(x) for x in outs if is_float(x)]


def total(outs):
    """One number from all results that have derivatives."""
    s = jnp.float32(0)
    for x in floats(outs):
        s = s + jnp.sum(x * cotangent(x))
    return s


def restricted(g, xs, wrt):
    """g's results that have derivatives, as a function of some of its arguments."""

    def of(*ys):
        full = list(xs)
        for i, y in zip(wrt, ys):
            full[i] = y
        return floats(g(*full))

    return of


def chosen(xs, wrt):
    return [jnp.asarray(xs[i]) for i in wrt]


def custom_jvp(f, change):
    g = jax.custom_jvp(f)

    @g.defjvp
    def rule(xs, ts):
        out, t = jax.jvp(f, xs, ts)
        return out, [change(x) for x in t]

    return g


def custom_vjp(f, change):
    g = jax.custom_vjp(f)
    g.defvjp(lambda *xs: (f(*xs), xs), lambda xs, cts: tuple(change(x) for x in jax.vjp(f, *xs)[1](cts)))
    return g


def threefry(k0, k1, x0, x1):
    from jax.extend.random import threefry2x32_p

    shape = jnp.broadcast_shapes(*(jnp.shape(x) for x in (k0, k1, x0, x1)))
    return threefry2x32_p.bind(*(jnp.broadcast_to(x, shape) for x in (k0, k1, x0, x1)))


def linear_recurrence(a, b, axis, reverse):
    """y[t] = a[t] * y[t - 1] + b[t]."""
    along = lambda x: jnp.moveaxis(x, axis, 0)
    step = lambda y, ab: (ab[0] * y + ab[1],) * 2
    first = jnp.zeros_like(along(b), shape=along(b).shape[1:])
    return jnp.moveaxis(lax.scan(step, first, (along(a), along(b)), reverse=reverse)[1], 0, axis)


def elman(wx, wh, b, h, x):
    return (jnp.tanh(x @ wx + h @ wh + b),)


def lstm(wx, wh, b, h, c, x):
    i, f, g, o = jnp.split(x @ wx + h @ wh + b, 4, axis=-1)
    c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
    return nn.sigmoid(o) * jnp.tanh(c), c


def gru(wx, wh, b, bh, h, x):
    xr, xz, xn = jnp.split(x @ wx + b, 3, axis=-1)
    hr, hz, hn = jnp.split(h @ wh + bh, 3, axis=-1)
    r, z = nn.sigmoid(xr + hr), nn.sigmoid(xz + hz)
    n = jnp.tanh(xn + r * hn)
    return ((1 - z) * n + z * h,)


def step_cell(cell, w, c, x):
    """The carry, and what is seen of it."""
    after = cell(*w, *c, x)
    return [*after, after[0]]


def step_layers(cell, w, c, x):
    def layer(x, wc):
        after = cell(*wc[0], *wc[1], x)
        return after[0], after

    y, after = lax.scan(layer, x, (w, c))
    return [*after, y]


def run_cell(cell, w, c, xs, reverse, lengths=None):
    def step(c, tx):
        t, x = tx
        valid = True if lengths is None else (t < lengths)[..., None]
        after = cell(*w, *c, jnp.where(valid, x, 0))
        kept = [jnp.where(valid, new, old) for new, old in zip(after, c)]
        return kept, jnp.where(valid, after[0], 0)

    after, ys = lax.scan(step, list(c), (np.arange(xs.shape[0]), xs), reverse=reverse)
    return [*after, ys]
