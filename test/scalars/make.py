"""Writes correctly rounded values of the scalar functions: `python test/scalars/make.py` with mpmath.

goldens.json is {dtype: {"xs": [...], "ys": [...], function: [value at each x (and y)]}}; numbers that JSON lacks are strings.
"""

import json
import math
import pathlib

from mpmath import inf, isinf, isnan, mp, mpf, sign

mp.prec = 2400

MAX = {"float32": (2 - mpf(2) ** -23) * mpf(2) ** 127, "float64": (2 - mpf(2) ** -52) * mpf(2) ** 1023}
TINY = {"float32": (-149, -126, 24), "float64": (-1074, -1022, 53)}


def rounded(x, dtype):
    """x rounded to nearest, ties to even, as a Python float."""
    if isinstance(x, float) or isnan(x) or isinf(x) or x == 0:
        return float(x)
    least, _, digits = TINY[dtype]
    exponent = mp.frexp(abs(x))[1] - digits
    unit = mpf(2) ** max(exponent, least)
    n = mp.nint(x / unit)
    value = n * unit
    return float(mp.sign(x) * inf) if abs(value) > MAX[dtype] else (float(value) if value else float(sign(x)) * 0.0)


LOW = [0.0, 1e-30, 1e-12, 1e-8, 1e-5, 1e-3, 0.01, 0.1, 0.2, 0.3, 0.45, 0.5, 0.55, 0.7, 0.75, 0.9, 0.99, 0.9999, 1.0]
MID = [1.0001, 1.01, 1.1, 1.25, 1.3, 1.4616321449683623, 1.5, 1.7, 2.0, 2.25, 2.5, 3.0, 3.141592653589793, 3.7, 4.0, 4.5, 5.0, 6.3, 7.0]
HIGH = [8.5, 9.0, 10.0, 11.7, 12.0, 16.5, 17.4, 20.0, 25.0, 27.2, 33.0, 50.0, 64.0, 80.0, 87.3, 88.7, 88.8, 89.5, 100.0, 103.9, 104.0]
FAR = [126.0, 127.0, 128.0, 149.5, 170.6, 308.2, 400.0, 700.0, 709.7, 709.8, 710.4, 745.1, 746.0, 1000.0, 1022.5, 1024.0, 1074.5]
# Floats that are next to multiples of half a turn.
TURNS = [2709675.5, 3154258.0, 3211428.75, 16367173 * 2.0**72, 2095.442299944392, 14461176.67027838, 28922353.34055676, 6381956970095103 * 2.0**797]
WIDE = [12345.678, 1e5, 355.0, 573204.0, 1e6, 16777216.0, 1e8, 1e9, 1e12, 1e15, 1e20, 1e30, 1e38, 1e100, 1e300]


def arguments(dtype):
    least, normal, digits = TINY[dtype]
    small = [2.0**least, 3 * 2.0**least, 2.0**normal * 0.75, 2.0**normal, 2.0**normal * 5]
    near = [1 - 2.0**-digits, 1 + 2.0 ** (1 - digits), float(MAX[dtype])]
    positive = small + LOW + near + MID + HIGH + FAR + TURNS + WIDE
    xs = [s * rounded(mpf(x), dtype) for x in positive for s in (1, -1)]
    return list(dict.fromkeys(repr(x) for x in xs if x not in (float("inf"), float("-inf"))))


def odd(y):
    return y == mp.floor(y) and mp.fmod(abs(y), 2) == 1


def power(x, y):
    if y == 0 or x == 1:
        return 1.0
    if x == 0:
        negative = math.copysign(1, x) < 0 and odd(y)
        if y < 0:
            return -float("inf") if negative else float("inf")
        return -0.0 if negative else 0.0
    if x < 0 and y != mp.floor(y):
        return float("nan")
    size = y * mp.log(abs(x), 2)
    negative = x < 0 and odd(y)
    if abs(size) > 5000:
        far = float("inf") if size > 0 else 0.0
        return -far if negative else far
    value = mp.power(abs(x), y)
    return -value if negative else value


def real(f, inside=lambda x: True):
    return lambda x: f(x) if inside(x) else float("nan")


def capped(f, limit=1100, low=0.0):
    """Of an exponential, which mpmath would compute with as many digits as it has."""
    return lambda x: f(x) if abs(x) < limit else (float("inf") if x > 0 else low)


def lgamma(x):
    if x <= 0 and x == mp.floor(x):
        return float("inf")
    return mp.log(abs(mp.gamma(x))) if abs(x) < 5000 else mp.re(mp.loggamma(x)) if x > 0 else None


def tail(f, limit, low, high):
    return lambda x: low if x < -limit else high if x > limit else f(x)


UNARY = {
    "exp": capped(mp.exp),
    "exp2": capped(lambda x: mp.power(2, x), 1200),
    "expm1": capped(mp.expm1, low=-1.0),
    "log": real(lambda x: mp.log(x) if x else -inf, lambda x: x >= 0),
    "log2": real(lambda x: mp.log(x, 2) if x else -inf, lambda x: x >= 0),
    "log10": real(lambda x: mp.log10(x) if x else -inf, lambda x: x >= 0),
    "log1p": real(lambda x: mp.log1p(x) if x != -1 else -inf, lambda x: x >= -1),
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "arcsin": real(mp.asin, lambda x: abs(x) <= 1),
    "arccos": real(mp.acos, lambda x: abs(x) <= 1),
    "arctan": mp.atan,
    "sinh": capped(mp.sinh, low=float("-inf")),
    "cosh": capped(mp.cosh, low=float("inf")),
    "tanh": tail(mp.tanh, 800, -1.0, 1.0),
    "arcsinh": lambda x: mp.sign(x) * mp.log(abs(x) + mp.sqrt(x * x + 1)) if abs(x) > 1 else mp.asinh(x),
    "arccosh": real(mp.acosh, lambda x: x >= 1),
    "arctanh": real(lambda x: x * inf if abs(x) == 1 else mp.atanh(x), lambda x: abs(x) <= 1),
    "sqrt": real(mp.sqrt, lambda x: x >= 0),
    "rsqrt": real(lambda x: 1 / mp.sqrt(x) if x else None, lambda x: x >= 0),
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x if x else None,
    "logistic": lambda x: mp.exp(x) if x < -100 and x > -1100 else 1 / (1 + mp.exp(-x)) if abs(x) < 1100 else float(x > 0),
    "erf": tail(mp.erf, 30, -1.0, 1.0),
    "erfc": tail(mp.erfc, 30, 2.0, 0.0),
    "erfInv": real(lambda x: x * inf if abs(x) == 1 else mp.erfinv(x), lambda x: abs(x) <= 1),
    "lgamma": lgamma,
    "digamma": lambda x: None if x <= 0 and (x == mp.floor(x) or x < -1e6) else mp.psi(0, x),
}
BINARY = {
    "power": power,
    "arctan2": lambda y, x: mp.atan2(y, x) if y and x else None,
    "hypot": lambda x, y: mp.hypot(x, y),
    "fmod": lambda x, y: mp.sign(x) * mp.fmod(abs(x), abs(y)) if y else float("nan"),
}


def text(x):
    return x if x == x and abs(x) != float("inf") and not (x == 0 and repr(x)[0] == "-") else repr(x)


def signed(f, value, x):
    """Zeros of odd functions, and of remainders, have the sign of x."""
    return math.copysign(value, x) if value == 0 and f in ODD else value


ODD = {"sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "cbrt", "erf", "erfInv", "expm1", "log1p", "sqrt", "fmod"}


def value(name, f, xs, dtype):
    # Zeros stay floats, which have a sign.
    result = f(*[mpf(x) if x or name != "power" else x for x in xs])
    return None if result is None else text(signed(name, rounded(result, dtype), xs[0]))


def table(dtype):
    xs = [float(x) for x in arguments(dtype)]
    pairs = [(xs[i], xs[(i * 37 + 11 * k) % len(xs)]) for k in range(3) for i in range(len(xs))]
    result = {"xs": [text(x) for x in xs], "pairs": [[text(x) for x in p] for p in pairs]}
    for name, f in UNARY.items():
        mp.prec = 200 if name in ("lgamma", "digamma", "erfInv", "erf", "erfc") else 2400
        result[name] = [value(name, f, [x], dtype) for x in xs]
    for name, f in BINARY.items():
        mp.prec = 2400
        result[name] = [value(name, f, p, dtype) for p in pairs]
    return result


goldens = {dtype: table(dtype) for dtype in ("float32", "float64")}
lines = ",\n".join(
    json.dumps(dtype) + ": {\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in t.items()) + "\n}"
    for dtype, t in goldens.items()
)
pathlib.Path(__file__).with_name("goldens.json").write_text("{" + lines + "}\n")
