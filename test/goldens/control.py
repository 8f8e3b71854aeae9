"""Loops and branches: value, forward and reverse derivatives, and their vmaps."""

import jax
import jax.numpy as jnp
import numpy as np
from codec import op_row
from jax import lax


def data(seed, *shape):
    """Fixed numbers with few digits."""
    return np.round(np.random.RandomState(seed).uniform(-1, 1, shape), 3).astype(np.float32)


W, B, H, XS = data(0, 3, 3), data(1, 3), data(2, 3), data(3, 5, 3)


def rnn(w, b, h, xs, **options):
    def step(h, x):
        h = jnp.tanh(h @ w + x + b)
        return h, jnp.sum(h * x)

    return lax.scan(step, h, xs, **options)


def stacked(ws, hs, xs):
    def layer(x, wh):
        w, h = wh
        h = jnp.tanh(h @ w + x)
        return h, h

    def step(hs, x):
        y, hs = lax.scan(layer, x, (ws, hs))
        return hs, y

    return lax.scan(step, hs, xs)


def with_constants(a, b, x):
    return lax.scan(lambda c, _: (jnp.sin(a) @ c + b, c), x, None, length=4)


def logistic_map(r, x):
    return lax.scan(lambda c, _: (r * c * (1 - c), c), x, None, length=12)


def moving_tuple(a, b, c):
    def step(s, _):
        x, y, z = s
        return (y, z, x * y + z), x

    (x, y, z), ys = lax.scan(step, (a, b, c), None, length=5)
    return x, y, z, ys


def counting(xs):
    """A carry of an integer, a bool and a float."""

    def step(s, x):
        n, on, total = s
        return (n + 1, ~on, jnp.where(on, total + x * n, total)), n

    (n, on, total), ns = lax.scan(step, (0, True, jnp.float32(0)), xs)
    return n, on, total, ns


def doubling(x, limit):
    return lax.while_loop(lambda c: c < limit, lambda c: 2 * c + 0.5, x)


def newton(a):
    def more(s):
        return jnp.abs(s[0] * s[0] - a) > 1e-3

    x, n = lax.while_loop(more, lambda s: (0.5 * (s[0] + a / s[0]), s[1] + 1), (a, 0))
    return x, n


def fixed_fori(x, y):
    return lax.fori_loop(2, 6, lambda i, s: s * y + i, x)


def dynamic_fori(n, x):
    return lax.fori_loop(0, n, lambda i, s: s * 1.5 + i, x)


def branch(p, x, y):
    return lax.cond(p > 0, lambda a, b: (a * b, jnp.sin(a)), lambda a, b: (a - b, b * b * a), x, y)


def switching(i, x):
    return lax.switch(i, [jnp.sin, lambda v: v * v, lambda v: 3 * v], x)


def guarded(x):
    """The untaken branch has no finite derivative."""
    return lax.cond(x > 0, lambda v: jnp.log(v), lambda v: v * 0, x)


def cond_in_scan(x, xs):
    def step(c, v):
        c = lax.cond(v > 0, lambda c: c * v, lambda c: c + jnp.cos(v), c)
        return c, c

    return lax.scan(step, x, xs)


def while_in_scan(xs):
    def step(c, v):
        c = lax.while_loop(lambda s: s < v, lambda s: s + 0.7, c)
        return c * 0.5, c

    return lax.scan(step, jnp.float32(0), xs)


def mapped(w, xs):
    return lax.map(lambda x: jnp.tanh(w @ x), xs)


def lanes(f, **options):
    """f(x) on every row of an array; collectives find the rows by the name i."""
    return jax.vmap(f, axis_name="i", **options)


def squares_in_scan(x):
    """Collectives in the body of a loop and in a branch."""

    def step(c, t):
        c = jnp.sin(c) + lax.pmean(c, "i") * t
        return lax.cond(t > 0, lambda c: lax.psum(c, "i"), lambda c: c * lax.axis_index("i"), c), c

    return lax.scan(step, x, XS[:, 0])


def running(op):
    return lambda x: lax.associative_scan(op, x, axis=0)


F, I = np.float32, np.int32
# name: (function, arguments, which arguments to differentiate)
CASES = {
    "rnn": (rnn, [W, B, H, XS], [0, 1, 2, 3]),
    "rnn reverse": (lambda *a: rnn(*a, reverse=True), [W, B, H, XS], [0, 1, 2, 3]),
    "rnn unrolled": (lambda *a: rnn(*a, unroll=2), [W, B, H, XS], [0, 1, 2, 3]),
    "rnn of batches": (jax.vmap(rnn, (None, None, 0, 1)), [W, B, data(4, 2, 3), data(5, 5, 2, 3)], [0, 1, 2, 3]),
    "rnn of weights": (jax.vmap(rnn, (0, None, None, None)), [data(6, 2, 3, 3), B, H, XS], [0, 1, 2, 3]),
    "rnn gradient": (lambda w, b, h, xs: jax.grad(lambda *a: jnp.sum(rnn(*a)[0] ** 2) + jnp.sum(rnn(*a)[1]), (0, 3))(w, b, h, xs), [W, B, H, XS], [0, 2]),
    "rnn hessian": (lambda h: jax.hessian(lambda h: jnp.sum(rnn(W, B, h, XS)[0]))(h), [H], []),
    "rnn jacobian": (lambda h: jax.jacrev(lambda h: rnn(W, B, h, XS)[1])(h), [H], []),
    "stacked": (stacked, [data(7, 2, 3, 3), data(8, 2, 3), XS], [0, 1, 2]),
    "with constants": (with_constants, [W, B, H], [0, 1, 2]),
    "logistic map": (logistic_map, [F(3.2), F(0.3)], [0, 1]),
    "moving tuple": (moving_tuple, [F(0.5), F(1.5), F(-0.25)], [0, 1, 2]),
    "counting": (counting, [XS[:, 0]], [0]),
    "doubling": (doubling, [F(0.3), F(20)], []),
    "doubling forwards": (lambda x, l, t: jax.jvp(lambda y: doubling(y, l), (x,), (t,)), [F(0.3), F(20), F(1)], []),
    "doubling lanes": (jax.vmap(doubling), [np.array([0.3, 25, 4], F), np.array([20, 20, 100], F)], []),
    "newton": (newton, [F(7)], []),
    "newton lanes": (jax.vmap(newton), [np.array([7, 2, 100, 0.5], F)], []),
    "fixed fori": (fixed_fori, [F(0.7), F(1.2)], [0, 1]),
    "dynamic fori": (dynamic_fori, [I(5), F(0.4)], []),
    "dynamic fori none": (dynamic_fori, [I(-2), F(0.4)], []),
    "dynamic fori lanes": (jax.vmap(dynamic_fori), [np.array([0, 3, 6], I), np.array([1, 2, 3], F)], []),
    "cond true": (branch, [F(1), F(0.6), F(-1.3)], [1, 2]),
    "cond false": (branch, [F(-1), F(0.6), F(-1.3)], [1, 2]),
    "cond lanes": (jax.vmap(branch), [np.array([1, -1, 0], F), data(9, 3), data(10, 3)], [1, 2]),
    "cond shared": (jax.vmap(branch, (None, 0, None)), [F(1), data(9, 3), F(0.4)], [1, 2]),
    "switch": (switching, [I(1), F(0.6)], [1]),
    "switch below": (switching, [I(-4), F(0.6)], [1]),
    "switch above": (switching, [I(9), F(0.6)], [1]),
    "switch lanes": (jax.vmap(switching), [np.array([2, 0, 1, 7], I), data(11, 4)], [1]),
    "guarded lanes": (jax.vmap(guarded), [np.array([0, 2, -1], F)], [0]),
    "cond in scan": (cond_in_scan, [F(0.9), data(12, 6)], [0, 1]),
    "cond in scan lanes": (jax.vmap(cond_in_scan), [data(13, 2), data(14, 2, 6)], [0, 1]),
    "while in scan": (while_in_scan, [np.array([0.2, 1, 3, 0.1, 2], F)], []),
    "while in scan lanes": (jax.vmap(while_in_scan), [np.array([[0.2, 1, 3], [2, 0, 5]], F)], []),
    "map": (mapped, [W, XS], [0, 1]),
    "map of batches": (lambda w, xs: lax.map(lambda x: jnp.tanh(w @ x), xs, batch_size=2), [W, XS], [0, 1]),
    "psum": (lanes(lambda x: lax.psum(x * x, "i") * x), [XS], [0]),
    "pmean": (lanes(lambda x: x - lax.pmean(jnp.sin(x), "i")), [XS], [0]),
    "pmean of integers": (lanes(lambda x: lax.pmean(x, "i")), [I([1, 2, 4])], []),
    "psum of bools": (lanes(lambda x: lax.psum(x, "i")), [np.array([True, False, True])], []),
    "psum of what is not mapped": (lanes(lambda x: lax.psum(W, "i") @ x), [XS], [0]),
    "pmax and pmin": (lanes(lambda x: lax.pmax(x, "i") - lax.pmin(x, "i")), [XS], []),
    "allGather": (lanes(lambda x: lax.all_gather(x, "i") @ x), [XS], [0]),
    "allGather along axis 1": (lanes(lambda x: lax.all_gather(x, "i", axis=1) * x[:, None]), [XS], [0]),
    "allGather tiled": (lanes(lambda x: lax.all_gather(x, "i", tiled=True) * x[0]), [XS], [0]),
    "psumScatter": (lanes(lambda x: lax.psum_scatter(jnp.sin(x), "i") * x), [W], [0]),
    "psumScatter tiled": (lanes(lambda x: lax.psum_scatter(jnp.sin(x), "i", scatter_dimension=1, tiled=True) * x[:, :1]), [data(17, 3, 2, 6)], [0]),
    "ppermute": (lanes(lambda x: lax.ppermute(jnp.sin(x), "i", [(0, 3), (1, 4), (2, 0), (3, 2), (4, 1)]) * x), [XS], [0]),
    "allToAll": (lanes(lambda x: lax.all_to_all(jnp.sin(x), "i", 0, 1) * x.sum()), [data(18, 3, 3, 2)], [0]),
    "allToAll tiled": (lanes(lambda x: lax.all_to_all(jnp.sin(x), "i", 1, 0, tiled=True) * x.sum()), [data(19, 2, 3, 4)], [0]),
    "axisIndex and axisSize": (lanes(lambda x: x * lax.axis_index("i") / lax.axis_size("i")), [XS], [0]),
    "collectives in loops": (lanes(squares_in_scan), [data(20, 4, 3)], [0]),
    "gradient of each lane": (lanes(jax.grad(lambda x: (lax.psum(x * x, "i") * x).sum())), [XS], [0]),
    "gradient of gathered lanes": (lanes(jax.grad(lambda x: (lax.all_gather(jnp.sin(x), "i") * x).sum())), [XS], [0]),
    "two axes": (jax.vmap(lanes(lambda x: lax.psum(x * lax.axis_index(("o", "i")), ("i", "o")) * x), axis_name="o"), [data(21, 2, 3)], [0]),
    "an axis inside another": (jax.vmap(lanes(lambda x: lax.psum(jnp.sin(x), "o") * lax.all_gather(x, "i")), axis_name="o", in_axes=1, out_axes=1), [data(22, 3, 2)], [0]),
    "a jitted collective": (lanes(jax.jit(lambda x: lax.psum(jnp.sin(x), "i") * x)), [XS], [0]),
    "checkpoint of a collective": (lanes(jax.checkpoint(lambda x: lax.psum(jnp.sin(x), "i") * x)), [XS], [0]),
    "nothing mapped": (lambda x: jax.vmap(lambda y: jnp.sin(y) * lax.axis_index("i"), None, axis_size=3, axis_name="i")(x), [H], [0]),
    "axes of trees": (lambda x, y: jax.vmap(lambda d, t: {"s": d["a"] * t[0], "r": d["a"].sum()}, ({"a": 1}, (0, None)), {"s": -1, "r": 0})({"a": x}, (y, x)), [W, H], [0, 1]),
    "associative scan": (running(jnp.multiply), [XS], [0]),
    "associative scan of affine maps": (lambda a, b: lax.associative_scan(lambda p, q: (q[0] * p[0], q[0] * p[1] + q[1]), (a, b)), [data(15, 7), data(16, 7)], [0, 1]),
}


def flat(out):
    return [x for x in jax.tree.leaves(out)]


def rows():
    for name, (fn, args, diff) in CASES.items():
        yield op_row(name, lambda *a, fn=fn: flat(fn(*a)), args, diff, 1e-5)
