"""The inputs of all workloads: the same pseudo-random numbers in every language (twin of ../inputs.ts)."""
import numpy as np


def mix(i):
    h = i.astype(np.uint32)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def counters(shape, seed):
    start = (seed * 0x9E3779B1) % 2**32
    return mix((np.arange(int(np.prod(shape)), dtype=np.uint64) + start) % 2**32)


def uniform(shape, seed, scale):
    return ((counters(shape, seed) / 2**31 - 1) * scale).astype(np.float32).reshape(shape)


def integers(shape, seed, limit):
    return (counters(shape, seed) % np.uint32(limit)).astype(np.int32).reshape(shape)


def values(inputs):
    """The inputs of an operation, as ../inputs.ts describes them."""
    return [value(tuple(i["shape"]), i["over"], seed) for seed, i in enumerate(inputs, 1)]


def value(shape, over, seed):
    if isinstance(over, int):
        return integers(shape, seed, over)
    signed = uniform(shape, seed, 1)
    return signed if over == "signed" else signed + np.float32(1.5)


def checksum(arrays):
    return sum(float(np.abs(np.asarray(a, np.float64)).sum()) for a in arrays)
