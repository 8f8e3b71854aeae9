"""How goldens are written: arrays as {"t": dtype, "s": shape, "v": values}, special floats as strings."""

import json
import math

import jax
import numpy as np


def number(x):
    """A JSON number that reads back to the same float32 or float64; what JSON cannot write becomes a string."""
    if isinstance(x, (bool, np.bool_)):
        return int(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    if x == 0 and math.copysign(1, x) < 0:
        return "-0"
    shortest = float(str(x))  # numpy prints the shortest text that reads back to the same value of its dtype
    return int(shortest) if shortest == int(shortest) and abs(shortest) < 1e15 else shortest


def array(x):
    x = np.asarray(x)
    return {"t": x.dtype.name, "s": list(x.shape), "v": [number(v) for v in x.ravel()]}


def tree(t):
    """A tree of arrays with every array encoded; tuples become lists."""
    if isinstance(t, dict):
        return {k: tree(v) for k, v in t.items()}
    if isinstance(t, (tuple, list)):
        return [tree(v) for v in t]
    if t is None or isinstance(t, str):
        return t
    return array(t)


def lines(rows):
    """One row a line, so that a changed golden is a changed line."""
    return "[\n" + ",\n".join(json.dumps(row, separators=(",", ":"), allow_nan=False) for row in rows) + "\n]"


def write(path, rows):
    """A list of rows. Operands that rows share are written once: {"inputs": [...], "rows": [...]}."""
    if not any("args" in row for row in rows):
        path.write_text(lines(rows) + "\n")
        return
    inputs = {}
    index = lambda x: inputs.setdefault(json.dumps(x), (len(inputs), x))[0]
    shared = [{**row, "args": [index(x) for x in row["args"]]} for row in rows]
    path.write_text(f'{{"inputs":{lines(x for _, x in inputs.values())},"rows":{lines(shared)}}}\n')


def probe(x, step, offset):
    """Small numbers of mixed sign that are exact in float32 and never zero."""
    k = np.arange(np.size(x)).reshape(np.shape(x))
    return (((k * step + 3) % offset - offset / 2) / 2).astype(np.asarray(x).dtype)


def tangent(x):
    """The direction in which derivatives are taken; test/goldens/load.ts computes the same numbers."""
    return probe(x, 7, 5)


def cotangent(x):
    """The cotangent that is pulled back; see tangent."""
    return probe(x, 5, 9)


def is_float(x):
    return np.issubdtype(x.dtype, np.floating)


def outputs(out):
    return list(out) if isinstance(out, (tuple, list)) else [out]


def op_row(op, fn, args, diff=(), tol=None):
    """Value of fn(*args) and, for the arguments in diff, its derivatives along tangent() and against cotangent()."""
    args = [np.asarray(a) for a in args]
    row = {"op": op, "args": [array(a) for a in args], "out": [array(o) for o in outputs(fn(*args))]}
    if tol:
        row["tol"] = tol
    diff = [i for i in diff if is_float(args[i])]
    if not diff:
        return row

    def restricted(*xs):
        full = list(args)
        for i, x in zip(diff, xs):
            full[i] = x
        return [o for o in outputs(fn(*full)) if is_float(o)]

    xs = [args[i] for i in diff]
    if not restricted(*xs):
        return row
    _, pushed = jax.jvp(restricted, xs, [tangent(x) for x in xs])
    out, pull = jax.vjp(restricted, *xs)
    row["diff"] = diff
    row["jvp"] = [array(t) for t in pushed]
    row["vjp"] = [array(t) for t in pull([cotangent(o) for o in out])]
    return row
