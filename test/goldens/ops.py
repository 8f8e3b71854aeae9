"""Every operation of lax and every activation: values and derivatives at ordinary and at edge inputs."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from codec import op_row
from jax import lax
from jax import nn
from jax.extend.random import threefry2x32_p

INF, NAN = np.inf, np.nan
EDGES = [-INF, -100, -2.5, -1, -0.5, -1e-3, -0.0, 0.0, 1e-3, 0.5, 1, 2.5, 100, INF, NAN]
GRID = [-INF, -2.5, -1, -0.0, 0.0, 0.5, 1, 3, INF, NAN]
INTS = ["int32", "uint32", "int16", "uint16", "int8", "uint8"]


def pairs(values, dtype):
    return [np.array(side, dtype) for side in zip(*itertools.product(values, values))]


def int_edges(dtype):
    info = np.iinfo(dtype)
    small = [-7, -3, -1, 0, 1, 2, 3] if info.min < 0 else [0, 1, 2, 3, 7]
    return sorted({info.min, info.max, *small})


# name: (function, relative tolerance of values and derivatives or None for the default)
UNARY = {
    "neg": lax.neg, "abs": lax.abs, "sign": lax.sign, "floor": lax.floor, "ceil": lax.ceil, "round": lax.round,
    "round even": lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN), "isFinite": lax.is_finite,
    "exp": lax.exp, "exp2": lax.exp2, "expm1": lax.expm1, "log": lax.log, "log1p": lax.log1p, "sqrt": lax.sqrt,
    "rsqrt": lax.rsqrt, "cbrt": lax.cbrt, "square": lax.square, "reciprocal": lax.reciprocal,
    "logistic": lax.logistic, "tanh": lax.tanh, "sin": lax.sin, "cos": lax.cos, "tan": lax.tan, "asin": lax.asin,
    "acos": lax.acos, "atan": lax.atan, "sinh": lax.sinh, "cosh": lax.cosh, "asinh": lax.asinh,
    "acosh": lax.acosh, "atanh": lax.atanh, "erf": lax.erf, "erfc": lax.erfc, "erfInv": lax.erf_inv,
    "lgamma": lax.lgamma, "digamma": lax.digamma,
}
for power in [0, 1, 2, 3, 7, -1, -2]:
    UNARY[f"integerPow {power}"] = lambda x, power=power: lax.integer_pow(x, power)

BINARY = {
    "add": lax.add, "sub": lax.sub, "mul": lax.mul, "div": lax.div, "rem": lax.rem, "max": lax.max, "min": lax.min,
    "pow": lax.pow, "atan2": lax.atan2, "nextafter": lax.nextafter, "eq": lax.eq, "ne": lax.ne, "lt": lax.lt,
    "le": lax.le, "gt": lax.gt, "ge": lax.ge,
}
INT_UNARY = {
    "neg": lax.neg, "sign": lax.sign, "bitwiseNot": lax.bitwise_not, "populationCount": lax.population_count,
    "clz": lax.clz, "integerPow 3": lambda x: lax.integer_pow(x, 3), "square": lax.square,
}
INT_BINARY = {
    **{k: BINARY[k] for k in ["add", "sub", "mul", "div", "rem", "max", "min", "eq", "ne", "lt", "le", "gt", "ge"]},
    "bitwiseAnd": lax.bitwise_and, "bitwiseOr": lax.bitwise_or, "bitwiseXor": lax.bitwise_xor,
}
SHIFTS = {
    "shiftLeft": lax.shift_left, "shiftRightLogical": lax.shift_right_logical,
    "shiftRightArithmetic": lax.shift_right_arithmetic,
}


def elementwise():
    x = np.array(EDGES, np.float32)
    for name, fn in UNARY.items():
        yield op_row(name, fn, [x[1:13] if name == "digamma" else x], [0])
    # More places between the edges, where a piecewise approximation changes pieces.
    fine = np.concatenate([np.linspace(-8, 8, 41), np.geomspace(1e-6, 60, 24)]).astype(np.float32)
    for name, fn in UNARY.items():
        yield op_row(name, fn, [fine], [0])
    for name, fn in BINARY.items():
        # Where a derivative of pow is NaN, test/sweep compares that; here are the others.
        yield op_row(name, fn, pairs(GRID, np.float32), [] if name in ("nextafter", "pow") else [0, 1])
    x, y = pairs(GRID, np.float32)
    tame = (y != 0) | ~((x == 0) | np.isnan(x))
    yield op_row("pow", lax.pow, [x[tame], y[tame]], [0, 1])
    base, exponent = pairs([-2, -1, 0, 1, 2], np.int32)
    yield op_row("pow", lax.pow, [base.astype(np.float32), exponent], [0])
    edges = np.array([-INF, -2, -1, -0.5, 0, 0.5, 1, 2, INF, NAN], np.float32)
    low, high = np.full_like(edges, -1), np.full_like(edges, 1)
    yield op_row("clamp", lax.clamp, [low, edges, high], [0, 1, 2])
    yield op_row("select", lax.select, [edges > 0, edges, low], [1, 2])
    which = np.array([0, 2, 1, 2, 0, 1, 0, 1, 2, 0], np.int32)
    yield op_row("selectN", lax.select_n, [which, edges, low, high], [1, 2, 3])


def integers():
    for dtype in INTS:
        values = int_edges(dtype)
        for name, fn in INT_UNARY.items():
            yield op_row(name, fn, [np.array(values, dtype)])
        if np.iinfo(dtype).min < 0:
            yield op_row("abs", lax.abs, [np.array(values, dtype)])
        for name, fn in INT_BINARY.items():
            yield op_row(name, fn, pairs(values, dtype))
        width = np.iinfo(dtype).bits
        for name, fn in SHIFTS.items():
            x, by = zip(*itertools.product(values, [0, 1, 3, width - 1, width, width + 1]))
            yield op_row(name, fn, [np.array(x, dtype), np.array(by, dtype)])
    x, y = pairs([False, True], np.bool_)
    for name in ["max", "min", "eq", "ne", "lt", "le", "gt", "ge"]:
        yield op_row(name, BINARY[name], [x, y])
    for name in ["bitwiseAnd", "bitwiseOr", "bitwiseXor"]:
        yield op_row(name, INT_BINARY[name], [x, y])
    yield op_row("bitwiseNot", lax.bitwise_not, [x])


FLOATS = [-INF, -3e9, -300.7, -129, -1.5, -0.5, -0.0, 0.0, 0.5, 1.9, 127.9, 128, 255, 300, 65535.5, 3e9, 5e9, INF, NAN]


def conversions():
    names = ["float32", *INTS, "bool"]
    for source, target in itertools.product(names, names):
        if source == "float32":
            x = np.array(FLOATS, source)
        else:
            x = np.array([0, 1], source) if source == "bool" else np.array(int_edges(source), source)
        yield op_row(f"convert {target}", lambda x, t=target: lax.convert_element_type(x, t), [x], [0])
    x = np.array([-INF, -1.5, -0.0, 0.0, 1.0, NAN], np.float32)
    yield op_row("bitcast int32", lambda x: lax.bitcast_convert_type(x, "int32"), [x[:5]])
    yield op_row("bitcast float32", lambda x: lax.bitcast_convert_type(x, "float32"), [np.arange(5, dtype=np.uint32) << 28])


def float64():
    """Needs 64-bit types: runs under enable_x64."""
    x = np.array(EDGES, np.float64)
    fine = np.linspace(-6, 6, 25)
    for name, fn in UNARY.items():
        yield op_row(name, fn, [x[1:13] if name == "digamma" else x], [0])
        yield op_row(name, fn, [fine])
    for name, fn in BINARY.items():
        if name != "nextafter":
            yield op_row(name, fn, pairs(GRID, np.float64))
    for target in ["float32", *INTS, "bool"]:
        yield op_row(f"convert {target}", lambda x, t=target: lax.convert_element_type(x, t), [np.array(FLOATS)])
    for source in ["float32", "int32", "uint32", "int8", "bool"]:
        x = np.array([0, 1] if source == "bool" else [0, 1, 5, 100], source)
        yield op_row("convert float64", lambda x: lax.convert_element_type(x, "float64"), [x])


def ramp(*shape, scale=0.5, dtype=np.float32):
    """Distinct values of both signs, not sorted."""
    n = int(np.prod(shape))
    return ((np.random.RandomState(n).permutation(n) - n // 3) * scale).astype(dtype).reshape(shape)


def views():
    x, y = ramp(2, 3, 4), ramp(3, 4)
    rows = {
        "broadcastInDim": (lambda a: lax.broadcast_in_dim(a, (2, 3, 4), (1, 2)), [y[:, :1]]),
        "broadcast": (lambda a: lax.broadcast(a, (2,)), [y]),
        "reshape": (lambda a: lax.reshape(a, (4, 6)), [x]),
        "transpose": (lambda a: lax.transpose(a, (2, 0, 1)), [x]),
        "squeeze": (lambda a: lax.squeeze(a, (0, 2)), [ramp(1, 3, 1)]),
        "expandDims": (lambda a: lax.expand_dims(a, (0, 2)), [ramp(3)]),
        "rev": (lambda a: lax.rev(a, (0, 2)), [x]),
        "slice": (lambda a: lax.slice(a, (0, 1), (3, 4), (2, 2)), [y]),
        "sliceInDim": (lambda a: lax.slice_in_dim(a, 1, -1, axis=1), [y]),
        "indexInDim": (lambda a: lax.index_in_dim(a, -1, 1, keepdims=False), [y]),
        "pad": (lambda a, v: lax.pad(a, v, ((1, 2, 1), (-1, 1, 0))), [y, np.float32(9)]),
        "pad cut": (lambda a, v: lax.pad(a, v, ((-1, -1, 1), (0, -2, 0))), [y, np.float32(9)]),
        "concatenate": (lambda a, b: lax.concatenate([a, b], 1), [y, y[:, :1] * 2]),
        "split": (lambda a: lax.split(a, (1, 3), 1), [y]),
        "iota": (lambda: lax.broadcasted_iota(jnp.int32, (2, 3), 1), []),
        "full": (lambda: lax.full((2, 2), 7, jnp.int8), []),
        "copy": (lambda a: jnp.copy(a), [y]),
        "stopGradient": (lambda a: lax.stop_gradient(a) * a, [y]),
    }
    for name, (fn, args) in rows.items():
        yield op_row(name, fn, args, range(len(args)))


def reductions():
    x, tied = ramp(2, 3, 4), np.array([[1, 3, 3, 2], [0, 0, 0, -1]], np.float32)
    odd = np.array([[1, NAN, INF], [-INF, 2, 2], [-0.0, 0.0, -INF]], np.float32)
    fns = {
        "reduceSum": lambda a, axes: lax.reduce_sum(a, axes),
        "reduceProd": lambda a, axes: lax.reduce_prod(a, axes),
        "reduceMax": lambda a, axes: lax.reduce_max(a, axes),
        "reduceMin": lambda a, axes: lax.reduce_min(a, axes),
    }
    for name, fn in fns.items():
        for axes, a in [((0, 2), x), ((1,), tied), ((0,), odd), ((1,), odd), ((1,), np.zeros((2, 0), np.float32))]:
            text = ",".join(map(str, axes))
            if a.size == 0 and name in ("reduceMax", "reduceMin"):
                continue
            yield op_row(f"{name} {text}", lambda a, fn=fn, axes=axes: fn(a, axes), [a], [0])
        for dtype in ["int32", "int8", "uint8"]:
            yield op_row(f"{name} 1", lambda a, fn=fn: fn(a, (1,)), [np.array([[100, 100, 3], [7, 0, 90]], dtype)])
    zeros = np.array([[2, 0, 3], [0, 0, 5], [1, 2, 4]], np.float32)
    yield op_row("reduceProd 1", lambda a: lax.reduce_prod(a, (1,)), [zeros], [0])
    bools = np.array([[1, 0], [1, 1], [0, 0]], bool)
    yield op_row("reduceAnd 1", lambda a: lax.reduce_and(a, (1,)), [bools])
    yield op_row("reduceOr 1", lambda a: lax.reduce_or(a, (1,)), [bools])
    nans = np.array([[1, NAN, 5, NAN], [2, 2, 0, 0], [-INF, -INF, INF, INF], [-0.0, 0.0, 0.0, -0.0]], np.float32)
    for name, fn in {"argmax": lax.argmax, "argmin": lax.argmin}.items():
        for axis in [0, 1]:
            yield op_row(f"{name} {axis}", lambda a, fn=fn, axis=axis: fn(a, axis, jnp.int32), [nans])
            yield op_row(f"{name} {axis}", lambda a, fn=fn, axis=axis: fn(a, axis, jnp.int32), [nans.astype(bool)])


def cumulative():
    fns = {
        "cumsum": lax.cumsum, "cumprod": lax.cumprod, "cummax": lax.cummax, "cummin": lax.cummin,
        "cumlogsumexp": lax.cumlogsumexp,
    }
    odd = np.array([[1, -INF, 2, 0], [-INF, -INF, 3, 3], [0.5, 1, NAN, 2]], np.float32)
    for name, fn in fns.items():
        for axis, reverse in itertools.product([0, 1], [False, True]):
            text = f"{name} {axis}{' reverse' if reverse else ''}"
            call = lambda a, fn=fn, axis=axis, reverse=reverse: fn(a, axis, reverse)
            yield op_row(text, call, [ramp(3, 5, scale=0.25)], [0])
            yield op_row(text, call, [odd])
            if name != "cumlogsumexp":
                yield op_row(text, call, [np.array([[100, 100, -3], [2, 50, 7]], np.int8)])
    yield op_row("cumsum 0", lambda a: lax.cumsum(a, 0), [np.zeros((0, 2), np.float32)])


def dots():
    a, b, c = ramp(2, 3, 4, scale=0.1), ramp(2, 4, 5, scale=0.1), ramp(4, 5, 2, scale=0.1)
    rows = {
        "dot vector": (lambda x, y: lax.dot(x, y), [ramp(4), ramp(4, scale=0.3)]),
        "dot matrix": (lambda x, y: lax.dot(x, y), [ramp(2, 3), ramp(3, 4)]),
        "dot matrix vector": (lambda x, y: lax.dot(x, y), [ramp(2, 3), ramp(3)]),
        "dotGeneral batch": (lambda x, y: lax.dot_general(x, y, (((2,), (1,)), ((0,), (0,)))), [a, b]),
        "dotGeneral two": (lambda x, y: lax.dot_general(x, y, (((0, 2), (2, 0)), ((), ()))), [a, c]),
        "dotGeneral last": (lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((2,), (1,)))), [a, ramp(3, 4)]),
        "dotGeneral outer": (lambda x, y: lax.dot_general(x, y, (((), ()), ((), ()))), [ramp(2), ramp(3)]),
    }
    for name, (fn, args) in rows.items():
        yield op_row(name, fn, args, [0, 1], 1e-5)
    yield op_row("dot matrix", lax.dot, [ramp(2, 3, scale=3, dtype=np.int32), ramp(3, 2, scale=3, dtype=np.int32)])


ROWS = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,))
BOXES = lax.GatherDimensionNumbers(offset_dims=(1, 2), collapsed_slice_dims=(), start_index_map=(0, 1))
INTO = lax.ScatterDimensionNumbers(update_window_dims=(1,), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,))


def indexing():
    x = ramp(4, 3)
    outside = np.array([[-5], [-1], [0], [2], [3], [4], [9]], np.int32)
    inside = np.array([[2], [0], [2], [3]], np.int32)
    for mode, index in [("clip", outside), ("fill", outside), ("promise_in_bounds", inside), ("promise_in_bounds", outside)]:
        call = lambda a, i, mode=mode: lax.gather(a, i, ROWS, (1, 3), mode=mode)
        yield op_row(f"gather rows {mode}", call, [x, index], [0])
        yield op_row(f"gather rows {mode}", call, [ramp(4, 3, scale=2, dtype=np.int8), index])
    corners = np.array([[0, 0], [3, 2], [-1, 1], [2, 1]], np.int32)
    for mode in ["clip", "fill"]:
        yield op_row(f"gather boxes {mode}", lambda a, i, m=mode: lax.gather(a, i, BOXES, (2, 2), mode=m), [x, corners], [0])
    value = lambda a, i: lax.gather(a, i, ROWS, (1, 3), mode="fill", fill_value=-7)
    yield op_row("gather rows fill -7", value, [x, outside], [0])
    fns = {"scatter": lax.scatter, "scatterAdd": lax.scatter_add, "scatterMul": lax.scatter_mul,
           "scatterMin": lax.scatter_min, "scatterMax": lax.scatter_max}
    for name, fn in fns.items():
        updates = ramp(7, 3, scale=0.3)
        # Overlapping updates have no order in JAX, so plain scatter gets distinct rows.
        unique = np.array([[-5], [-1], [0], [2], [3], [4], [9]], np.int32)
        doubled = np.array([[-5], [2], [0], [2], [3], [0], [9]], np.int32)
        index = unique if name == "scatter" else doubled
        for mode in ["clip", "drop", "promise_in_bounds"]:
            if mode == "clip" and name == "scatter":
                continue
            call = lambda a, i, u, fn=fn, mode=mode: fn(a, i, u, INTO, mode=mode)
            # The derivative of JAX's scatter_min and scatter_max forgets the mode in its own gathers.
            wrong = mode != "drop" and name in ("scatterMin", "scatterMax")
            diff = [] if wrong else [0] if name == "scatterMul" else [0, 2]
            yield op_row(f"{name} {mode}", call, [x, index, updates], diff)
    for start in [-9, -1, 0, 1, 3, 9]:
        i = np.int32(start)
        yield op_row("dynamicSlice", lambda a, i: lax.dynamic_slice(a, (i, 1), (2, 2)), [x, i], [0])
        update = lambda a, u, i: lax.dynamic_update_slice(a, u, (i, 0))
        yield op_row("dynamicUpdateSlice", update, [x, ramp(2, 2), i], [0, 1])
        yield op_row("dynamicIndexInDim", lambda a, i: lax.dynamic_index_in_dim(a, i, 0, False), [x, i], [0])
        put = lambda a, u, i: lax.dynamic_update_index_in_dim(a, u, i, 0)
        yield op_row("dynamicUpdateIndexInDim", put, [x, ramp(3), i], [0, 1])


def sorting():
    odd = np.array([[3, NAN, -0.0, 0.0, -INF, INF, 1, 1], [0.0, -0.0, NAN, 2, -1, NAN, -INF, 5]], np.float32)
    for axis in [0, 1]:
        yield op_row(f"sort {axis}", lambda a, axis=axis: lax.sort(a, dimension=axis), [odd])
        yield op_row(f"sort {axis}", lambda a, axis=axis: lax.sort(a, dimension=axis), [ramp(4, 5)], [0])
    for dtype in ["int32", "uint8", "bool"]:
        yield op_row("sort 1", lambda a: lax.sort(a, dimension=1), [np.array([[3, 0, 2, 3, 1], [1, 1, 0, 0, 7]], dtype)])
    keys = np.array([[1, 0, 1, 0, 1, 0]], np.int32)
    two = lambda k, v: lax.sort((k, v), dimension=1, num_keys=2)
    yield op_row("sort values", lambda k, v: lax.sort((k, v), dimension=1, num_keys=1), [keys, ramp(1, 6)], [1])
    yield op_row("sort two keys", two, [keys, ramp(1, 6)], [1])
    yield op_row("argsort", lambda a: jnp.argsort(a), [odd])
    for k in [1, 3]:
        yield op_row(f"topK {k}", lambda a, k=k: lax.top_k(a, k), [odd[:, 2:]])
        yield op_row(f"topK {k}", lambda a, k=k: lax.top_k(a, k), [ramp(2, 5)], [0])


def activations():
    edges = np.array([-INF, -100, -6, -3, -1, -0.5, -0.0, 0.0, 0.5, 1, 3, 6, 100, INF, NAN], np.float32)
    positive = np.array([1e-3, 0.5, 0.69, 0.7, 2, 30, 200], np.float32)
    fns = {
        "relu": nn.relu, "relu6": nn.relu6, "sigmoid": nn.sigmoid, "softplus": nn.softplus,
        "logSigmoid": nn.log_sigmoid, "softSign": nn.soft_sign, "silu": nn.silu, "mish": nn.mish, "gelu": nn.gelu,
        "gelu exact": lambda x: nn.gelu(x, approximate=False), "elu": nn.elu, "elu 2": lambda x: nn.elu(x, 2.0),
        "celu": nn.celu, "celu 2": lambda x: nn.celu(x, 2.0), "selu": nn.selu, "leakyRelu": nn.leaky_relu,
        "hardSigmoid": nn.hard_sigmoid, "hardSilu": nn.hard_silu, "hardTanh": nn.hard_tanh,
        "squareplus": nn.squareplus, "sparsePlus": nn.sparse_plus, "sparseSigmoid": nn.sparse_sigmoid,
        "identity": nn.identity,
    }
    for name, fn in fns.items():
        yield op_row(f"nn.{name}", fn, [edges[:-1]], [0])
        yield op_row(f"nn.{name}", fn, [edges[-1:]])
    yield op_row("nn.log1mexp", nn.log1mexp, [positive], [0])
    x = np.concatenate([ramp(3, 6), np.array([[-INF, 0, 1, 2, 3, 4], [200, 200, -200, 0, 1, 200]], np.float32)])
    none = np.full((1, 6), -INF, np.float32)
    for axis in [0, 1]:
        yield op_row(f"nn.softmax {axis}", lambda a, k=axis: nn.softmax(a, k), [x], [0])
        yield op_row(f"nn.logSoftmax {axis}", lambda a, k=axis: nn.log_softmax(a, k), [x], [0])
        yield op_row(f"nn.logsumexp {axis}", lambda a, k=axis: nn.logsumexp(a, k), [x], [0])
        yield op_row(f"nn.standardize {axis}", lambda a, k=axis: nn.standardize(a, k), [ramp(3, 6)], [0], 1e-5)
        yield op_row(f"nn.logmeanexp {axis}", lambda a, k=axis: nn.logmeanexp(a, k), [x], [0])
    yield op_row("nn.logsumexp 1", lambda a: nn.logsumexp(a, 1), [none])
    yield op_row("nn.glu", nn.glu, [ramp(3, 6)], [0])
    yield op_row("nn.oneHot 3", lambda i: nn.one_hot(i, 3), [np.array([[0, 2, 3], [-1, 1, 5]], np.int32)])


def bits():
    keys = [np.uint32(0x13198A2E), np.uint32(0x03707344)]
    counters = [np.array([0x243F6A88, 0, 1, 2**32 - 1], np.uint32), np.array([0x85A308D3, 0, 2, 7], np.uint32)]

    def hash_pairs(k0, k1, x, y):
        k0, k1 = jnp.broadcast_to(k0, x.shape), jnp.broadcast_to(k1, x.shape)
        return threefry2x32_p.bind(k0, k1, x, y)

    yield op_row("threefry2x32", hash_pairs, [*keys, *counters])


def rows():
    for part in [elementwise, integers, conversions, views, reductions, cumulative, dots, indexing, sorting, bits]:
        yield from part()
    with jax.enable_x64(True):
        yield from float64()


def nn_rows():
    yield from activations()
