"""The protocol of peers, as ../serve.ts describes it."""
import json
import sys
import time

from inputs import values


def serve(about, workloads, operation):
    current = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request.get("about"):
                reply = about
            elif "first" in request:
                reply = workloads[request["first"]](request["sizes"])["stages"]()
            elif "prepare" in request:
                current = None
                start = time.perf_counter()
                current = make(request, workloads, operation)
                current["run"]()
                first = (time.perf_counter() - start) * 1e3
                reply = {"ready": True, "firstMs": first, "check": float(current["check"]()), "scale": current.get("scale", 1)}
            else:
                reply = {"ms": measure(current, request["time"], request["samples"])}
        except Exception as error:  # the driver leaves out what cannot be run, and says why
            reply = {"error": (str(error) or type(error).__name__).splitlines()[0]}
        print(json.dumps(reply), flush=True)


def stages_of(step, *args):
    """What the first call of a jitted function is spent on, and a later one, in milliseconds."""
    clock = time.perf_counter
    start = clock()
    lowered = step.lower(*args)
    traced = clock()
    compiled = lowered.compile()
    ready = clock()
    wait = sys.modules["jax"].block_until_ready
    wait(compiled(*args))
    done = clock()
    later = []
    for _ in range(7):
        begin = clock()
        wait(compiled(*args))
        later.append(clock() - begin)
    spent = {"first": done - start, "trace": traced - start, "compiler": ready - traced, "later": sorted(later)[3]}
    return {name: 1e3 * seconds for name, seconds in spent.items()}


def make(request, workloads, operation):
    if "expression" in request:
        source = f"lambda *args: (lambda x, y=None, z=None: {request['expression']})(*args)"
        return operation(values(request["inputs"]), source, request["isRandom"])
    if request["prepare"] not in workloads:
        raise LookupError("is not written for this contestant")
    return workloads[request["prepare"]](request["sizes"])


def measure(current, calls, samples):
    run, scale, out = current["run"], current.get("scale", 1), []
    for _ in range(samples):
        start = time.perf_counter()
        for _ in range(calls):
            run()
        out.append((time.perf_counter() - start) / calls * 1e3 * scale)
    return out
