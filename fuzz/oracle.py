"""Runs programs that come as JSON lines in JAX and answers with their results, one line each."""

import base64
import json
import os
import sys
import warnings

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Programs are small and run once: compiling is what takes the time.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    + " --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    + " --xla_cpu_parallel_codegen_split_count=1"
)

import jax  # noqa: E402
import numpy as np  # noqa: E402
import prelude  # noqa: E402
from rounding import with_rounding_errors  # noqa: E402

warnings.filterwarnings("ignore")
AMOUNT = {"float32": 2.0**-19, "float64": 2.0**-48}
SPECIAL = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "-0": -0.0}


def number(v):
    return SPECIAL[v] if isinstance(v, str) else v


def decode(x):
    values = [number(v) for v in x["values"]]
    return np.array(values, np.float64).astype(x["dtype"]).reshape(x["shape"])


def encode(x):
    weak = bool(getattr(x, "weak_type", False))
    y = np.asarray(x)
    return {
        "shape": list(y.shape),
        "dtype": y.dtype.name,
        "weak": weak,
        "data": base64.b64encode(np.ascontiguousarray(y).tobytes()).decode(),
    }


def function(source):
    names = dict(vars(prelude))
    exec(source, names)
    return names["main"]


def plain(source, inputs):
    return jax.jit(function(source))(*inputs)


def noisy(source, inputs, seeds):
    def run(seed, *xs):
        names = dict(vars(prelude))
        exec(source, names)
        prelude.noise_amount, prelude.noise_seed = AMOUNT, seed
        names["noise"], names["shaken"] = prelude.noise, prelude.shaken
        try:
            return with_rounding_errors(names["main"], xs)
        finally:
            prelude.noise_amount = None

    jitted = jax.jit(run)
    return [jitted(np.float32(s), *inputs) for s in seeds]


def answer(request):
    inputs = [decode(x) for x in request["inputs"]]
    try:
        if "seeds" in request:
            return {"runs": [[encode(x) for x in run] for run in noisy(request["source"], inputs, request["seeds"])]}
        return {"outs": [encode(x) for x in plain(request["source"], inputs)]}
    except Exception as e:  # the answer to a program that JAX refuses
        return {"error": type(e).__name__, "message": str(e)[:2000]}


served = 0
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
    served += 1
    if served % 200 == 0:
        jax.clear_caches()
