"""How JAX prints small programs. Names of jitted functions are given, since lambdas have none."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

s, v, m = np.float32(1), np.ones(3, np.float32), np.ones((2, 3), np.float32)
w, i = np.ones((3, 3), np.float32), np.int32(1)
closed = jnp.arange(3.0) * 2


def many(x):
    for k in range(30):
        x = lax.sin(x) if k % 2 else lax.cos(x)
    return x


def long_body(c, x):
    for _ in range(6):
        c = lax.mul(lax.sin(c), x)
    return c, c


def cell(c, x):
    n = lax.tanh(lax.add(lax.dot(c, w), x))
    return n, lax.mul(n, x)


def rnn(h, xs):
    return lax.scan(cell, h, xs)


def inner(x):
    return lax.mul(lax.sin(x), 2.0)


def loss(h, xs):
    return lax.reduce_sum(lax.scan(lambda c, x: (lax.mul(c, x), None), h, xs)[0], (0,))


CASES = {
    "one equation": (lambda x: lax.sin(x), s),
    "nothing": (lambda x: x, s),
    "no inputs": (lambda: lax.full((), 1.0),),
    "a literal": (lambda x: lax.mul(lax.sin(x), 2.0), s),
    "several": (lambda x, y: (lax.add(x, y), lax.sub(x, y), x), s, s),
    "unused result": (lambda x: (lax.sin(x), lax.cos(x))[1], s),
    "closed over": (lambda x: lax.mul(x, closed), v),
    "numbers": (lambda x: [lax.mul(x, c) for c in [1e-7, 1e16, 1e15, 0.1, 1e-4, 0.5, np.inf, -np.inf, np.nan, 123456.0]], s),
    "integers": (lambda x: lax.add(lax.mul(x, 3), -1), i),
    "comparison": (lambda x, y: lax.select(lax.lt(x, y), x, y), v, v),
    "dot": (lambda x, y: lax.dot(x, y), m, w),
    "sum and broadcast": (lambda x: lax.broadcast_in_dim(lax.reduce_sum(x, (1,)), (2, 3), (0,)), m),
    "shapes": (lambda x: lax.reshape(lax.transpose(x, (1, 0)), (6,)), m),
    "slices": (lambda x: lax.concatenate([lax.slice(x, (0, 1), (2, 3)), lax.rev(x, (1,))], 1), m),
    "convert": (lambda x: lax.convert_element_type(x, jnp.int32), v),
    "iota": (lambda x: lax.add(x, lax.iota(jnp.float32, 3)), v),
    "integer power": (lambda x: lax.integer_pow(x, 3), s),
    "cumulative": (lambda x: lax.cumsum(x, 1, reverse=True), m),
    "argmax": (lambda x: lax.argmax(x, 1, jnp.int32), m),
    "pad": (lambda x: lax.pad(x, np.float32(0), ((1, 0, 0), (0, 2, 1))), m),
    "dynamic": (lambda x, k: lax.dynamic_update_slice(x, lax.dynamic_slice(x, (k,), (1,)), (k,)), v, i),
    "clamp": (lambda x: lax.clamp(0.0, x, 1.0), v),
    "more than 26 names": (many, s),
    "scan": (rnn, v, m),
    "scan with a long body": (lambda h, xs: lax.scan(long_body, h, xs), s, v),
    "scan reversed without xs": (lambda c: lax.scan(lambda c, _: (lax.mul(c, 2.0), None), c, None, 4, reverse=True), s),
    "nested scan": (lambda h, xs: lax.scan(lambda c, x: lax.scan(cell, c, x), h, xs), v, np.ones((4, 2, 3), np.float32)),
    "while": (lambda x: lax.while_loop(lambda c: lax.lt(c, 10.0), lambda c: lax.mul(c, 2.0), x), s),
    "fori": (lambda x: lax.fori_loop(0, 3, lambda k, c: lax.mul(c, 2.0), x), s),
    "cond": (lambda p, x: lax.cond(p, lambda y: lax.sin(y), lambda y: lax.cos(y), x), np.bool_(True), s),
    "switch": (lambda k, x: lax.switch(k, [lambda y: lax.sin(y), lambda y: lax.cos(y), lambda y: y], x), i, s),
    "map": (lambda xs: lax.map(lambda x: lax.sin(x), xs), v),
    "jit": (lambda x: lax.add(jax.jit(inner)(x), 1.0), s),
    "jit twice": (lambda x, f=jax.jit(inner): lax.add(f(x), f(x)), s),
    "vmap of dot": (lambda x, y: jax.vmap(lambda a: lax.dot(a, y))(x), m, w),
    "vmap of scan": (lambda hs, xs: jax.vmap(rnn, (0, 1))(hs, xs), m, np.ones((4, 2, 3), np.float32)),
    "jvp": (lambda x, t: jax.jvp(lax.tanh, (x,), (t,)), s, s),
    "grad": (lambda x: jax.grad(lambda y: lax.mul(lax.sin(y), y))(x), s),
    # Of larger bodies weft stores other residuals than JAX does.
    "grad of scan": (lambda h, xs: jax.grad(loss)(h, xs), v, m),
}


def rows():
    for name, (fn, *args) in CASES.items():
        yield {"name": name, "text": str(jax.make_jaxpr(fn)(*args))}
