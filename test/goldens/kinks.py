"""Activations with their first and second derivatives, also where these jump."""

import jax
import jax.numpy as jnp

AT = [0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 6.0, 0.5, -0.5, 2.0]
NAMES = {
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "elu": jax.nn.elu,
    "celu": jax.nn.celu,
    "selu": jax.nn.selu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "softSign": jax.nn.soft_sign,
    "hardTanh": jax.nn.hard_tanh,
    "hardSigmoid": jax.nn.hard_sigmoid,
    "hardSilu": jax.nn.hard_silu,
    "leakyRelu": jax.nn.leaky_relu,
    "logSigmoid": jax.nn.log_sigmoid,
    "mish": jax.nn.mish,
    "sigmoid": jax.nn.sigmoid,
    "squareplus": jax.nn.squareplus,
    "sparsePlus": jax.nn.sparse_plus,
    "sparseSigmoid": jax.nn.sparse_sigmoid,
}


def rows():
    for name, f in NAMES.items():
        orders = [f, jax.grad(f), jax.grad(jax.grad(f))]
        values = [[float(g(jnp.float32(x))) for x in AT] for g in orders]
        yield {"name": name, "at": AT, "values": values}
