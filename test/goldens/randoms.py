"""Random numbers: keys, bits and integers must agree exactly, what passes through a transcendental nearly."""

import jax
import jax.numpy as jnp
import numpy as np
from codec import array
from jax import random

SEEDS = [0, 1, 42, -1, 2**31 - 1, 2**32 + 5]
SHAPES = [(), (1,), (5,), (7, 3), (0,), (2, 1, 9)]
LOGITS = np.array([[0, 1, 2, -1], [5, 5, 5, 5], [-100, 0, 0, 100]], np.float32)


def row(fn, seed, out, exact=True, **params):
    return {"fn": fn, "seed": seed, "params": params, "exact": exact, "out": array(out)}


def keys():
    for seed in SEEDS:
        key = random.PRNGKey(seed)
        yield row("key", seed, key)
        for shape in [(1,), (2,), (3,), (2, 3)]:
            yield row("split", seed, random.split(key, shape), shape=list(shape))
        for data in [0, 1, 4, 123456789, 2**31 - 1, 2**32 - 1]:
            yield row("foldIn", seed, random.fold_in(key, np.uint32(data)), data=data)


def samples():
    for seed in SEEDS:
        key = random.PRNGKey(seed)
        for shape in SHAPES if seed == 0 else [(4,)]:
            for dtype in ["uint32", "uint16", "uint8"]:
                yield row("bits", seed, random.bits(key, shape, dtype), shape=list(shape), dtype=dtype)
            yield row("uniform", seed, random.uniform(key, shape), shape=list(shape))
            yield row("uniform", seed, random.uniform(key, shape, minval=-3.5, maxval=7.25), exact=False, shape=list(shape), minval=-3.5, maxval=7.25)
            for low, high in [(0, 10), (-5, 5), (0, 1), (3, 3), (-2**31, 2**31 - 1), (0, 1000003)]:
                yield row("randint", seed, random.randint(key, shape, low, high), shape=list(shape), low=low, high=high)
            for name, fn in {"normal": random.normal, "gumbel": random.gumbel, "exponential": random.exponential}.items():
                yield row(name, seed, fn(key, shape), exact=False, shape=list(shape))
            yield row("truncatedNormal", seed, random.truncated_normal(key, -2.0, 2.0, shape), exact=False, shape=list(shape), low=-2, high=2)
            yield row("truncatedNormal", seed, random.truncated_normal(key, 0.5, 3.0, shape), exact=False, shape=list(shape), low=0.5, high=3)
            for p in [0.0, 0.3, 1.0]:
                yield row("bernoulli", seed, random.bernoulli(key, p, shape), shape=list(shape), p=p)
        for dtype, low, high in [("uint8", 0, 255), ("uint8", 0, 256), ("int8", -128, 127), ("int16", -300, 300), ("uint32", 5, 2000000000)]:
            yield row("randint", seed, random.randint(key, (6,), low, high, dtype), shape=[6], low=low, high=high, dtype=dtype)
        yield row("categorical", seed, random.categorical(key, LOGITS), logits=LOGITS.tolist())
        yield row("categorical", seed, random.categorical(key, LOGITS, axis=0), logits=LOGITS.tolist(), axis=0)
        yield row("categorical", seed, random.categorical(key, LOGITS, shape=(5, 3)), logits=LOGITS.tolist(), shape=[5, 3])
        for n in [1, 2, 6, 8, 33]:
            yield row("permutation", seed, random.permutation(key, n), n=n)
        yield row("choice", seed, random.choice(key, 7, (5,)), n=7, shape=[5])
        yield row("choice", seed, random.choice(key, 7, (5,), replace=False), n=7, shape=[5], replace=False)
        weights = [0.1, 0.4, 0.2, 0.3]
        yield row("choice", seed, random.choice(key, 4, (6,), p=jnp.array(weights)), n=4, shape=[6], p=weights)
        yield row("laplace", seed, random.laplace(key, (4,)), exact=False, shape=[4])


def options():
    """What the samplers take beside key and shape."""
    table = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    weights = [0.1, 0.4, 0.5]
    for seed in SEEDS[:3]:
        key = random.PRNGKey(seed)
        for axis in [0, 1, -1]:
            yield row("categorical", seed, random.categorical(key, LOGITS, axis=axis, replace=False), logits=LOGITS.tolist(), axis=axis, replace=False)
            yield row("permutation of", seed, random.permutation(key, table, axis=axis), of=array(table), axis=axis)
            yield row("permutation of", seed, random.permutation(key, table, axis=axis, independent=True), of=array(table), axis=axis, independent=True)
            yield row("choice of", seed, random.choice(key, table, (2, 3), axis=axis), of=array(table), shape=[2, 3], axis=axis)
            yield row("choice of", seed, random.choice(key, table, (2,), replace=False, axis=axis), of=array(table), shape=[2], replace=False, axis=axis)
        yield row("categorical", seed, random.categorical(key, LOGITS, shape=(3, 3), replace=False), logits=LOGITS.tolist(), shape=[3, 3], replace=False)
        yield row("categorical", seed, random.categorical(key, LOGITS, axis=0, shape=(2, 4), replace=False), logits=LOGITS.tolist(), axis=0, shape=[2, 4], replace=False)
        yield row("categorical", seed, random.categorical(key, LOGITS[:1], shape=(5,)), logits=LOGITS[:1].tolist(), shape=[5])
        yield row("categorical", seed, random.categorical(key, LOGITS, mode="high"), logits=LOGITS.tolist(), mode="high")
        yield row("gumbel", seed, random.gumbel(key, (5,), mode="high"), exact=False, shape=[5], mode="high")
        for p in [{"replace": False}, {"replace": True}, {"replace": False, "mode": "high"}]:
            yield row("choice of", seed, random.choice(key, table, (2,), p=jnp.array(weights), axis=1, **p), of=array(table), shape=[2], axis=1, p=weights, **p)
        yield row("choice", seed, random.choice(key, 5, (0,)), n=5, shape=[0])
        with jax.enable_x64(True):
            for name, fn in {"uniform": random.uniform, "normal": random.normal, "gumbel": random.gumbel, "exponential": random.exponential, "laplace": random.laplace}.items():
                yield row(name, seed, fn(key, (3,), dtype="float64"), exact=False, shape=[3], dtype="float64")
            yield row("uniform", seed, random.uniform(key, (3,), "float64", -0.1, 0.3), exact=False, shape=[3], minval=-0.1, maxval=0.3, dtype="float64")
            yield row("truncatedNormal", seed, random.truncated_normal(key, -0.3, 0.1, (3,), "float64"), exact=False, shape=[3], low=-0.3, high=0.1, dtype="float64")


def initializers():
    init = jax.nn.initializers
    fns = {
        "glorotUniform": init.glorot_uniform(), "glorotNormal": init.glorot_normal(), "heUniform": init.he_uniform(),
        "heNormal": init.he_normal(), "lecunUniform": init.lecun_uniform(), "lecunNormal": init.lecun_normal(),
        "normal": init.normal(), "uniform": init.uniform(), "truncatedNormal": init.truncated_normal(),
    }
    for name, fn in fns.items():
        for shape in [(2, 3), (3, 4, 5)]:
            yield row(f"initializers.{name}", 42, fn(random.PRNGKey(42), shape), exact=False, shape=list(shape))


def rows():
    yield from keys()
    yield from samples()
    yield from options()
    yield from initializers()
