"""Sequence models and optimizers, written out in jax.numpy with fixed weights."""

import jax
import jax.numpy as jnp
import numpy as np
from codec import op_row
from control import data
from jax import lax

from prelude import elman, gru, lstm  # of fuzz: the same cells

IN, HIDDEN, BATCH, TIME = 3, 3, 2, 4


def weights(seed, gates, scale=1.0):
    return [
        (data(seed, IN, gates * HIDDEN) * np.float32(scale)),
        (data(seed + 1, HIDDEN, gates * HIDDEN) * np.float32(scale)),
        (data(seed + 2, gates * HIDDEN) * np.float32(scale)),
    ]


def run(step, params, carry, xs):
    """Several layers over time; leaves of params and carry have a leading layer axis."""

    def layer(x, pc):
        p, c = pc
        c = step(*p, *c, x)
        return c[0], c

    def over_time(carry, x):
        y, carry = lax.scan(layer, x, (params, carry))
        return carry, y

    return lax.scan(over_time, carry, xs)


def layers(seed, gates, extra=()):
    stacked = [np.stack(ws) for ws in zip(weights(seed, gates), weights(seed + 10, gates))]
    return [*stacked, *extra]


X, H, C, XS = data(20, BATCH, IN), data(21, BATCH, HIDDEN), data(22, BATCH, HIDDEN), data(23, TIME, BATCH, IN)
HS, CS = data(24, 2, BATCH, HIDDEN), data(25, 2, BATCH, HIDDEN)


def cells():
    yield op_row("elman", elman, [*weights(30, 1), H, X], range(5), 1e-5)
    yield op_row("lstm", lstm, [*weights(40, 4), H, C, X], range(6), 1e-5)
    yield op_row("gru", gru, [*weights(50, 3), data(53, 3 * HIDDEN), H, X], range(6), 1e-5)


def flat(out):
    carry, ys = out
    return [*carry, ys]


def runs():
    two = lambda step, n: lambda *a: flat(run(step, a[:n], a[n:-1], a[-1]))
    yield op_row("elman layers", two(elman, 3), [*layers(60, 1), HS, XS], range(5), 1e-5)
    yield op_row("lstm layers", two(lstm, 3), [*layers(70, 4), HS, CS, XS], range(6), 1e-5)
    yield op_row("gru layers", two(gru, 4), [*layers(80, 3), data(83, 2, 3 * HIDDEN), HS, XS], range(6), 1e-5)


# Optimizers after the formulas of optax.
P, G = data(90, 2, 3), data(91, 4, 2, 3) * np.float32(3)


def sgd(rate, p, g, state):
    return p - rate * g, state


def momentum(rate, decay, nesterov, p, g, trace):
    trace = g + decay * trace
    return p - rate * (g + decay * trace if nesterov else trace), trace


def adam(rate, p, g, state, b1=0.9, b2=0.999, eps=1e-8, decay=0.0):
    t, mu, nu = state
    t = t + 1
    mu, nu = b1 * mu + (1 - b1) * g, b2 * nu + (1 - b2) * g * g
    update = mu / (1 - b1**t) / (jnp.sqrt(nu / (1 - b2**t)) + eps)
    return p - rate * (update + decay * p), (t, mu, nu)


def clip_by_global_norm(limit, g):
    norm = jnp.sqrt(jnp.sum(g * g))
    return jnp.where(norm < limit, g, g / norm * limit)


def steps(update, state):
    def train(p, gs):
        s, out = state, []
        for g in gs:
            p, s = update(p, g, s)
            out.append(p)
        return jnp.stack(out)

    return train


def optimizers():
    zero = (0, jnp.zeros_like(P), jnp.zeros_like(P))
    rules = {
        "sgd": steps(lambda p, g, s: sgd(0.1, p, g, s), None),
        "momentum": steps(lambda p, g, s: momentum(0.1, 0.9, False, p, g, s), jnp.zeros_like(P)),
        "nesterov": steps(lambda p, g, s: momentum(0.1, 0.9, True, p, g, s), jnp.zeros_like(P)),
        "adam": steps(lambda p, g, s: adam(0.01, p, g, s), zero),
        "adamw": steps(lambda p, g, s: adam(0.01, p, g, s, decay=0.1), zero),
        "clipped sgd": steps(lambda p, g, s: sgd(0.1, p, clip_by_global_norm(1.0, g), s), None),
        "clipped values": steps(lambda p, g, s: sgd(0.1, p, jnp.clip(g, -0.5, 0.5), s), None),
    }
    for name, rule in rules.items():
        yield op_row(name, rule, [P, G], [], 1e-5)


def language_model():
    """Five steps of adam on a two-layer LSTM over characters; what training must reproduce."""
    vocabulary, size, length = 5, 6, 8
    tokens = np.array([[0, 1, 2, 3, 4, 3, 2, 1, 0], [4, 4, 0, 1, 1, 2, 3, 0, 2]], np.int32)
    params = [
        data(100, vocabulary, size), data(101, 2, size, 4 * size), data(102, 2, size, 4 * size),
        data(103, 2, 4 * size), data(104, size, vocabulary), data(105, vocabulary),
    ]

    def loss(params):
        table, wx, wh, b, wo, bo = params
        zeros = jnp.zeros((2, tokens.shape[0], size))
        _, ys = run(lstm, (wx, wh, b), (zeros, zeros), table[tokens[:, :-1].T])
        logits = jax.nn.log_softmax(ys @ wo + bo)
        picked = jnp.take_along_axis(logits, tokens[:, 1:].T[..., None], axis=-1)
        assert ys.shape == (length, 2, size)
        return -jnp.mean(picked)

    def train(*params):
        params, losses = list(params), []
        states = [(0, jnp.zeros_like(p), jnp.zeros_like(p)) for p in params]
        for _ in range(5):
            value, grads = jax.value_and_grad(loss)(params)
            losses.append(value)
            params, states = zip(*[adam(0.05, p, g, s) for p, g, s in zip(params, grads, states)])
        return [jnp.stack(losses), *params]

    yield op_row("language model", lambda t, *p: train(*p), [tokens, *params], [], 5e-5)


def rows():
    for part in [cells, runs, optimizers, language_model]:
        yield from part()
