"""Writes the goldens of test/numpy: what JAX 0.10.2 and NumPy say to the Python expressions that stand in the tables.

    python test/numpy/make.py

The keys of the tables in cases.ts are Python expressions; each is evaluated here, with the inputs below.
"""

import json
import pathlib
import re
import sys

import jax
import jax.numpy as jnp
import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent / "goldens"))

import codec  # noqa: E402

jax.config.update("jax_platforms", "cpu")

# The same inputs stand at the head of cases.ts.
inf, nan = np.inf, np.nan
f = jnp.array([[1.5, -2, 0.25], [3, -0.5, 4]], "float32")
i = jnp.array([[7, -7, 3], [-1, 0, 5]], "int32")
j = jnp.array([[3, -3, 2], [0, 4, -2]], "int32")
u = jnp.array([250, 3, 0], "uint8")
b = jnp.array([True, False, True])
v = jnp.array([1, 2, 3], "float32")
w = jnp.array([-1, 2, 0.5], "float32")
m = jnp.arange(24, dtype="float32").reshape(2, 3, 4)
n = jnp.arange(1, 13, dtype="float32").reshape(3, 4) / 4
edge = jnp.array([-inf, -1.5, -0.0, 0.0, 2.5, inf, nan], "float32")
idx = jnp.array([2, -1, 0], "int32")
far = jnp.array([5, -1, -9], "int32")


def golden(x):
    if isinstance(x, str):
        return x
    if isinstance(x, (list, tuple)):
        return [golden(y) for y in x]
    if isinstance(x, (bool, int, float)):
        return x
    return {**codec.array(x), "weak": bool(getattr(x, "weak_type", False))}


if __name__ == "__main__":
    keys = re.findall(r"^  (\"(?:[^\"\\]|\\.)*\"):", (HERE / "cases.ts").read_text(), re.M)
    rows = {key: golden(eval(key)) for key in map(json.loads, keys)}
    (HERE / "goldens.json").write_text(
        "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(x, allow_nan=False)}" for k, x in rows.items()) + "\n}\n"
    )
