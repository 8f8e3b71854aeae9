"""The types of sums. With 64-bit types off, except for pairs with a float64: those need them on."""

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


def rows():
    names = [*DTYPES, "weak int32", "weak float32"]
    for a, b in itertools.product([*names, *WEAK], [*names, *WEAK]):
        if a in WEAK and b in WEAK:
            continue
        with jax.enable_x64("float64" in (a, b)):
            if "float64" in (a, b) and ("weak int32" in (a, b) or "weak float32" in (a, b)):
                continue  # a plain number is 64 bits wide then
            out = jnp.add(operands(a), operands(b))
            yield {"a": a, "b": b, "dtype": out.dtype.name, "weak": bool(out.weak_type)}
