"""Writes the goldens of test/sweep: what JAX 0.10.2 makes of every expression in cases.ts at every input that its group goes over.

    python test/sweep/make.py           # --weak: only which results are typed weakly

The keys of the tables in cases.ts are Python expressions in x (and y, z); a group's `over` names lists of inputs below.
"""

import json
import os
import pathlib
import re
import sys

# Thousands of tiny programs that run once.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent / "goldens"))

import codec  # noqa: E402

jax.config.update("jax_platforms", "cpu")

inf, nan = np.inf, np.nan


def f32(*values, shape=None):
    x = np.array(values, "float32")
    return x if shape is None else x.reshape(shape)


TIES = f32(2, 2, -1, 2, 0, 0, -1, 2, -0.0, 0, 0, 0, shape=(3, 4))
SPECIAL = f32(nan, 1, -inf, inf, -0.0, 0, nan, -2.5, shape=(2, 4))
FLOATS = [f32(-inf, -2.5, -1, -0.5, -0.0, 0, 0.5, 1, 3, inf, nan)]
INTEGERS = [
    np.array([7, -7, 0, 2, 2, -(2**31)], "int32"),
    np.array([[200, 3, 0], [255, 1, 1]], "uint8"),
    np.array([[True, False, True], [False, False, True]]),
]
# Inputs of functions that work along axes: ties, zeros, special values, an empty axis.
ROWS = [TIES, SPECIAL, np.zeros((3, 0), "float32")]
PAIRS = [
    tuple(f32(*side) for side in zip(*[(a, b) for a in G for b in G]))
    for G in [[-inf, -2, -1, -0.0, 0.0, 0.5, 3, inf, nan]]
]
INT_PAIRS = [
    (np.array([7, -7, 7, -7, 0, 5, -(2**31)], "int32"), np.array([3, 3, -3, -3, 5, 0, -1], "int32")),
    (np.array([200, 3, 0, 255], "uint8"), np.array([7, 2, 3, 0], "uint8")),
    (np.array([-128, 127, 5], "int8"), np.array([200, 3, 1], "uint8")),
    (np.array([2**32 - 1, 5], "uint32"), np.array([-1, 3], "int32")),
    (np.array([True, False, True]), np.array([[True], [False]])),
    (np.array([True, False]), np.array([2, -3], "int8")),
    (np.array([3, -4], "int16"), f32(1.5, -2)),
    (np.array([3, 4], "int32"), np.array([0.1, 2], "float64")),
]
VECTORS = [(x,) for x in [f32(1, 2, 3), f32(-1, 0.5), f32(2), np.array([3, 1, 2, 2], "int32"), np.zeros((0,), "float32")]]
INPUTS = {
    "floats": [(x,) for x in FLOATS],
    "integers": [(x,) for x in INTEGERS],
    "rows": [(x,) for x in ROWS],
    "pairs": PAIRS,
    "intPairs": INT_PAIRS,
    "vectors": VECTORS,
    "vectorPairs": [
        (f32(1, 2, 3), f32(-1, 0.5)),
        (f32(1, 2, 3), np.array([2, 1], "int32")),
        (np.array([3, 1], "int32"), np.array([1, 2, 3], "int32")),
        (f32(0, 0, 1), f32(2)),
        (np.array([0.1, 0.2], "float64"), f32(0.1, 3)),
    ],
    "matrixPairs": [
        (TIES, f32(*range(12), shape=(4, 3))),
        (np.zeros((2, 0), "float32"), np.zeros((0, 3), "float32")),
        (np.zeros((0, 2), "float32"), np.ones((2, 3), "float32")),
        (np.array([[1, 2], [3, 4]], "int8"), np.array([[100, 2], [3, 4]], "int8")),
        (np.array([[True, False]]), np.array([[False], [True]])),
        (np.array([[200, 2]], "uint8"), np.array([[3], [4]], "int32")),
    ],
}


def is_float(x):
    return np.issubdtype(x.dtype, np.floating)


def narrowed(x):
    wide = {"int64": "int32", "uint64": "uint32"}.get(x.dtype.name)
    return codec.array(np.asarray(x).astype(wide) if wide else x)


def row(f, args):
    """64-bit types are on where an input has one, so that elsewhere integers are what they are in weft."""
    with jax.enable_x64(any(a.dtype == np.float64 for a in args)):
        return evaluated(f, args)


def evaluated(f, args):
    """Values, and derivatives with respect to all floating arguments, as op_row has them; or the name of the error."""
    args = [jnp.asarray(a) for a in args]
    try:
        outs = codec.outputs(f(*args))
    except Exception as error:
        return {"error": type(error).__name__}
    result = {"out": [narrowed(jnp.asarray(o)) for o in outs]}
    diff = [i for i, a in enumerate(args) if is_float(a)]

    def restricted(*xs):
        full = list(args)
        for i, x in zip(diff, xs):
            full[i] = x
        return [o for o in map(jnp.asarray, codec.outputs(f(*full))) if is_float(o)]

    xs = [args[i] for i in diff]
    if not xs or not restricted(*xs):
        return result
    try:
        _, pushed = jax.jvp(restricted, xs, [jnp.asarray(codec.tangent(x)) for x in xs])
        out, pull = jax.vjp(restricted, *xs)
        pulled = pull([jnp.asarray(codec.cotangent(o)) for o in out])
    except Exception:
        return result  # JAX has no derivative
    return {**result, "jvp": [codec.array(t) for t in pushed], "vjp": [codec.array(t) for t in pulled]}


def expressions():
    """Every expression of cases.ts with its function and the lists of inputs that it goes over."""
    over = []
    for line in (HERE / "cases.ts").read_text().splitlines():
        if group := re.match(r"\s*over: (\[.*\]),$", line):
            over = json.loads(group[1])
        elif key := re.match(r"\s*(\"(?:[^\"\\]|\\.)*\"):(?: \(|$)", line):
            expression = json.loads(key[1])
            yield expression, eval("lambda x, y=None, z=None: " + expression), over


def goldens():
    for expression, f, over in expressions():
        result = {name: [row(f, args) for args in INPUTS[name]] for name in over}
        print(json.dumps([expression, result]), flush=True)
        yield expression, result


def weakness(f, args):
    """Which outputs are typed weakly where all arguments are, and of two where either is, then all for scalars instead of
    these arguments; null where JAX has no answer."""
    if any(a.dtype in (np.float64, np.bool_) for a in args):
        return None  # bools are never weak
    flat = lambda *xs: [jnp.asarray(o) for o in codec.outputs(f(*xs))]

    def under(shapes, weak):
        types = [jax.ShapeDtypeStruct(s, a.dtype, weak_type=i in weak) for i, (s, a) in enumerate(zip(shapes, args))]
        try:
            return [o.weak_type and o.dtype != bool for o in jax.eval_shape(flat, *types)]
        except Exception:
            return None

    weak = [[0]] if len(args) == 1 else [[0, 1], [0], [1]]
    shapes, scalars = [a.shape for a in args], [() for _ in args]
    return [under(s, w) for s in (shapes, scalars) for w in weak]


def weak():
    return {
        expression: {name: [weakness(f, args) for args in INPUTS[name]] for name in over}
        for expression, f, over in expressions()
    }


if __name__ == "__main__":
    np.seterr(all="ignore")
    write = lambda x: json.dumps(x, separators=(",", ":"), allow_nan=False)
    entries = lambda d: "{\n" + ",\n".join(f"{json.dumps(k)}:{write(v)}" for k, v in d.items()) + "\n}"
    (HERE / "weak.json").write_text(entries(weak()) + "\n")
    if "--weak" in sys.argv:
        sys.exit()
    with jax.disable_jit():
        used = dict(goldens())
    inputs = {name: [[codec.array(a) for a in args] for args in rows] for name, rows in INPUTS.items()}
    (HERE / "goldens.json").write_text('{"inputs":' + entries(inputs) + ',\n"rows":' + entries(used) + "}\n")
