"""Runs programs that come as JSON lines in JAX and answers with their results, one line each."""

import base64
import gc
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


def failure(e):
    return {"error": type(e).__name__, "message": str(e)[:2000]}


def run(requests):
    """The answers to several requests that want the same seeds, which are compiled as one program."""
    seeds = requests[0].get("seeds")
    refused = {}

    def everything(seed, inputs):
        outs = []
        for i, (request, xs) in enumerate(zip(requests, inputs)):
            try:
                f = function(request["source"])
                outs.append(f(*xs) if seeds is None else with_rounding_errors(f, seed, xs))
            except Exception as e:  # the answer to a program that JAX refuses
                refused[i] = failure(e)
                outs.append([])
        return outs

    inputs = [[decode(x) for x in request["inputs"]] for request in requests]
    compiled = compile_for_few_runs(jax.jit(everything), np.float32(0), inputs)
    runs = [[[encode(x) for x in outs] for outs in compiled(np.float32(seed), inputs)] for seed in seeds or [0]]
    made = [{"runs": list(own)} if seeds else {"outs": own[0]} for own in zip(*runs)]
    return [refused.get(i, answer) for i, answer in enumerate(made)]


# Of so many equations the faster way to compile makes gigabytes: it repeats what is fused into several users in each of them.
LARGE = 3000


def compile_for_few_runs(jitted, *args):
    traced = jitted.trace(*args)
    is_large = len(traced.jaxpr.jaxpr.eqns) > LARGE
    return traced.lower().compile(compiler_options={"xla_cpu_use_fusion_emitters": is_large})


def answers(requests):
    try:
        return run(requests)
    except Exception as e:  # what one of them does to the compiler is its own
        return [failure(e)] if len(requests) == 1 else [a for r in requests for a in answers([r])]


gc.freeze()
gc.set_threshold(50_000, 20, 50)
served = 0
for line in sys.stdin:
    requests = json.loads(line)
    print(json.dumps(answers(requests)), flush=True)
    served += len(requests)
    if served >= 500:
        jax.clear_caches()
        gc.collect()
        served = 0
