"""The workloads in JAX. Layers are a nested scan, or with LAYERS=python a Python loop."""
import os

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from inputs import checksum, integers, uniform
from serve import serve, stages_of

NESTED = os.environ.get("LAYERS", "scan") == "scan"
RATE = 1.0


def climb(step, params, states, x):
    """One step of all layers: (signal, states)."""
    if NESTED:

        def layer(signal, ps):
            return step(ps[0], ps[1], signal)

        return lax.scan(layer, x, (params, states))
    kept = []
    count = jax.tree.leaves(params)[0].shape[0]
    for i in range(count):
        pick = lambda a: a[i]
        x, state = step(jax.tree.map(pick, params), jax.tree.map(pick, states), x)
        kept.append(state)
    return x, jax.tree.map(lambda *a: jnp.stack(a), *kept)


def elman(p, h, x):
    h = jnp.tanh(x @ p["wx"] + h @ p["wh"] + p["b"])
    return h, h


def lstm(p, state, x, forget=lambda f: f):
    h, c = state
    i, f, g, o = jnp.split(x @ p["wx"] + h @ p["wh"] + p["b"], 4, axis=-1)
    c = jax.nn.sigmoid(forget(f)) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return h, (h, c)


def rnn(step, params, states, xs):
    def at_time(states, x):
        y, states = climb(step, params, states, x)
        return states, y

    return lax.scan(at_time, states, xs)


def weights(layers, hidden, gates, seed):
    s = hidden**-0.5
    return {
        "wx": jnp.asarray(uniform((layers, hidden, gates * hidden), seed, s)),
        "wh": jnp.asarray(uniform((layers, hidden, gates * hidden), seed + 1, s)),
        "b": jnp.asarray(uniform((layers, gates * hidden), seed + 2, s)),
    }


def descend(loss):
    def step(params, *args):
        value, grads = jax.value_and_grad(loss)(params, *args)
        return value, jax.tree.map(lambda p, g: p - RATE * g, params, grads)

    return jax.jit(step)


def training(loss, params, *args):
    step = descend(loss)
    state = {"params": params}

    def run():
        _, state["params"] = jax.block_until_ready(step(state["params"], *args))

    return {
        "run": run,
        "check": lambda: step(state["params"], *args)[0],
        "stages": lambda: stages_of(step, state["params"], *args),
    }


def rnn_inputs(z):
    shape = (z["layers"], z["batch"], z["hidden"])
    xs = jnp.asarray(uniform((z["time"], z["batch"], z["hidden"]), 4, 1))
    return weights(z["layers"], z["hidden"], 1, 1), jnp.zeros(shape), xs


def w1_train(z):
    params, states, xs = rnn_inputs(z)
    return training(lambda p, x: jnp.mean(jnp.square(rnn(elman, p, states, x)[1])), params, xs)


def w1_forward(z):
    params, states, xs = rnn_inputs(z)
    forward = jax.jit(lambda p, x: rnn(elman, p, states, x)[1])
    return {
        "run": lambda: forward(params, xs).block_until_ready(),
        "check": lambda: jnp.mean(jnp.square(forward(params, xs))),
    }


def w2_train(z):
    layers, batch, hidden, vocabulary, time = (z[k] for k in ("layers", "batch", "hidden", "vocabulary", "time"))
    params = {
        "rnn": weights(layers, hidden, 4, 1),
        "embed": jnp.asarray(uniform((vocabulary, hidden), 5, 1)),
        "w": jnp.asarray(uniform((hidden, vocabulary), 6, hidden**-0.5)),
        "b": jnp.zeros(vocabulary),
    }
    ids = jnp.asarray(integers((time, batch), 7, vocabulary))
    targets = jnp.asarray(integers((time, batch), 8, vocabulary))
    zeros = jnp.zeros((layers, batch, hidden))

    def loss(p, ids, targets):
        _, ys = rnn(lstm, p["rnn"], (zeros, zeros), p["embed"][ids])
        logp = jax.nn.log_softmax(ys @ p["w"] + p["b"])
        return -jnp.mean(jnp.take_along_axis(logp, targets[..., None], -1))

    return training(loss, params, ids, targets)


def seq2seq_params(z):
    layers, hidden, embedding, vocabulary = (z[k] for k in ("layers", "hidden", "embedding", "vocabulary"))
    seeds = iter(range(1, 100))
    w = lambda *shape: jnp.asarray(uniform(shape, next(seeds), 0.1))
    cell = lambda i: {
        "wx": w(hidden if i else embedding, 4 * hidden),
        "wh": w(hidden, 4 * hidden),
        "b": jnp.zeros(4 * hidden),
    }
    return {
        "emb": w(vocabulary, embedding),
        "enc": [cell(i) for i in range(layers)],
        "dec": [cell(i) for i in range(layers)],
        "att": w(hidden, hidden),
        "out": w(2 * hidden, vocabulary),
        "ob": jnp.zeros(vocabulary),
    }


def seq2seq_loss(p, src, tgt):
    def step(cells, states, x):
        following = []
        for p, state in zip(cells, states):
            x, state = lstm(p, state, x, lambda f: f + 1)
            following.append(state)
        return following, x

    def decode(states, x):
        states, y = step(p["dec"], states, x)
        weights = jax.nn.softmax(jnp.einsum("tbh,bh->bt", hs, y @ p["att"]), -1)
        return states, jnp.concatenate([y, jnp.einsum("bt,tbh->bh", weights, hs)], -1)

    zeros = jnp.zeros((src.shape[1], p["att"].shape[0]))
    states, hs = lax.scan(lambda s, x: step(p["enc"], s, x), [(zeros, zeros) for _ in p["enc"]], p["emb"][src])
    _, ys = lax.scan(decode, states, p["emb"][tgt])
    logp = jax.nn.log_softmax(ys @ p["out"] + p["ob"])
    return -jnp.mean(jnp.take_along_axis(logp, tgt[..., None], -1))


def seq2seq(z):
    params = seq2seq_params(z)
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    state = (jnp.float32(0), zeros(), zeros())
    src, tgt = (jnp.asarray(integers((z["time"], z["batch"]), seed, z["vocabulary"])) for seed in (1, 2))

    @jax.jit
    def step(params, state, src, tgt):
        value, grads = jax.value_and_grad(seq2seq_loss)(params, src, tgt)
        n = state[0] + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, state[1], grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, state[2], grads)
        scales = 1 - 0.9**n, 1 - 0.999**n
        move = lambda p, m, v: p - 1e-3 * (m / scales[0]) / (jnp.sqrt(v / scales[1]) + 1e-8)
        return jax.tree.map(move, params, m, v), (n, m, v), value

    args = params, state, src, tgt
    return {
        "run": lambda: jax.block_until_ready(step(*args)),
        "check": lambda: step(*args)[2],
        "stages": lambda: stages_of(step, *args),
    }


def w3_step(z):
    params = weights(z["layers"], z["hidden"], 4, 1)
    zeros = jnp.zeros((z["layers"], z["batch"], z["hidden"]))
    x = jnp.asarray(uniform((z["batch"], z["hidden"]), 4, 1))
    step = jax.jit(lambda p, s, v: climb(lstm, p, s, v))
    first = jnp.sum(step(params, (zeros, zeros), x)[0])
    state = {"s": (zeros, zeros)}

    def run():
        y, state["s"] = step(params, state["s"], x)
        y.block_until_ready()

    return {"run": run, "check": lambda: first}


def w4(z):
    n = z["n"]
    a, b = jnp.asarray(uniform((n, n), 1, 1)), jnp.asarray(uniform((n, n), 2, 1))
    product = jax.jit(jnp.matmul)
    return {"run": lambda: product(a, b).block_until_ready(), "check": lambda: jnp.sum(jnp.abs(product(a, b)))}


def recurrence(z):
    def final(c, x):
        return lax.scan(lambda c, _: (0.9 * c + x, None), c, None, length=z["time"])[0]

    return final, jnp.zeros(z["width"]), jnp.asarray(uniform((z["width"],), 1, 1))


def w5_forward(z):
    final, c, x = recurrence(z)
    f = jax.jit(final)
    return {"run": lambda: f(c, x).block_until_ready(), "check": lambda: jnp.sum(jnp.abs(f(c, x)))}


def w5_gradient(z):
    final, c, x = recurrence(z)
    f = jax.jit(jax.grad(lambda c, x: jnp.sum(final(c, x)), argnums=(0, 1)))
    return {"run": lambda: jax.block_until_ready(f(c, x)), "check": lambda: jnp.sum(f(c, x)[1])}


def operation(inputs, source, is_random):
    args = [jnp.asarray(a) for a in inputs]
    f = jax.jit(eval(source, {"jax": jax, "jnp": jnp, "lax": lax}))
    return {
        "run": lambda: jax.block_until_ready(f(*args)),
        "check": lambda: 1 if is_random else checksum(jax.tree.leaves(f(*args))),
    }


serve(
    {"versions": {"jax": jax.__version__, "numpy": np.__version__}},
    {
        "S2S-train": seq2seq,
        "W1-train": w1_train,
        "W1-forward": w1_forward,
        "W2-train": w2_train,
        "W3-step": w3_step,
        "W4-512": w4,
        "W4-1024": w4,
        "W5-forward": w5_forward,
        "W5-gradient": w5_gradient,
    },
    operation,
)
