"""The types that operations give. With 64-bit types off, except for pairs with a float64: those need them on."""

import itertools

import jax
import jax.numpy as jnp

DTYPES = ["float32", "float64", "int32", "uint32", "int16", "uint16", "int8", "uint8", "bool"]
# Operands that are no arrays of a dtype: plain numbers, and arrays whose dtype a plain number decided.
WEAK = {"2": 2, "2.5": 2.5, "True": True}


def operands(name):
    if name in WEAK:
        return WEAK[name]
    if name.startswith("weak "):
        return jnp.asarray(1.0 if name.endswith("float32") else 1)
    return jnp.ones((), name)


BINARY = (
    "arctan2 logaddexp copysign float_power true_divide fmod remainder maximum subtract floor_divide"
).split()
UNARY = {
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "hardTanh": jax.nn.hard_tanh,
    "hardSigmoid": jax.nn.hard_sigmoid,
    "zerosLike": jnp.zeros_like,
    "onesLike": jnp.ones_like,
    "triu": lambda x: jnp.triu(jnp.broadcast_to(x, (2, 2))),
    "zero tangent": lambda x: jax.jvp(lambda y: x, (1.0,), (1.0,))[1],
    "scan of": lambda x: jax.lax.scan(lambda c, _: (x, None), jnp.ones_like(x), None, length=1)[0],
    "scan from": lambda x: jax.lax.scan(lambda c, _: (jnp.ones((), x.dtype), None), x, None, length=1)[0],
    "while from": lambda x: jax.lax.while_loop(lambda c: False, lambda c: jnp.ones((), x.dtype), x),
}
FEW = ["float32", "int32", "bool", "weak int32", "weak float32"]


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(w.capitalize() for w in rest)


def typed(f, *names):
    out = f(*map(operands, names))
    return {"dtype": out.dtype.name, "weak": bool(out.weak_type)}


def sums():
    names = [*DTYPES, "weak int32", "weak float32"]
    for a, b in itertools.product([*names, *WEAK], [*names, *WEAK]):
        if a in WEAK and b in WEAK:
            continue
        with jax.enable_x64("float64" in (a, b)):
            if "float64" in (a, b) and ("weak int32" in (a, b) or "weak float32" in (a, b)):
                continue  # a plain number is 64 bits wide then
            yield {"f": "add", "a": a, "b": b, **typed(jnp.add, a, b)}


def rows():
    yield from sums()
    for f, a, b in itertools.product(BINARY, FEW, [*FEW, "2", "2.5"]):
        if f == "subtract" and (a, b) == ("bool", "bool"):
            continue  # neither has it
        yield {"f": camel(f), "a": a, "b": b, **typed(getattr(jnp, f), a, b)}
    for f, a in itertools.product(UNARY, FEW):
        if f == "zero tangent" and "float" not in a:
            continue
        yield {"f": f, "a": a, **typed(UNARY[f], a)}
