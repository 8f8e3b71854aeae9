"""The workloads in PyTorch: its own nn.RNN / nn.LSTM, or with LAYERS=python cells by hand, input products hoisted."""
import os

import torch

from inputs import checksum, integers, uniform
from serve import serve

OWN = os.environ.get("LAYERS", "library") == "library"
RATE = 1.0
tensor = torch.from_numpy


def weights(layers, hidden, gates, seed):
    s = hidden**-0.5
    made = [
        uniform((layers, hidden, gates * hidden), seed, s),
        uniform((layers, hidden, gates * hidden), seed + 1, s),
        uniform((layers, gates * hidden), seed + 2, s),
    ]
    return [[tensor(a[layer].copy()).requires_grad_() for a in made] for layer in range(layers)]


def module(kind, params, hidden):
    """A torch.nn.RNN or LSTM with these weights; the second bias is zero and stays out of training."""
    m = kind(hidden, hidden, num_layers=len(params))
    with torch.no_grad():
        for i, (wx, wh, b) in enumerate(params):
            getattr(m, f"weight_ih_l{i}").copy_(wx.T)
            getattr(m, f"weight_hh_l{i}").copy_(wh.T)
            getattr(m, f"bias_ih_l{i}").copy_(b)
            getattr(m, f"bias_hh_l{i}").zero_()
    return m


def rnn_by_hand(params, xs):
    for wx, wh, b in params:
        inputs = xs @ wx + b
        h, out = torch.zeros_like(xs[0]), []
        for z in inputs.unbind(0):
            h = torch.tanh(torch.addmm(z, h, wh))
            out.append(h)
        xs = torch.stack(out)
    return xs


def lstm_step(z, h, c, wh):
    i, f, g, o = torch.addmm(z, h, wh).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm_by_hand(params, xs):
    for wx, wh, b in params:
        inputs = xs @ wx + b
        h, c, out = torch.zeros_like(xs[0]), torch.zeros_like(xs[0]), []
        for z in inputs.unbind(0):
            h, c = lstm_step(z, h, c, wh)
            out.append(h)
        xs = torch.stack(out)
    return xs


def training(params, loss):
    def run():
        grads = torch.autograd.grad(loss(), params)
        with torch.no_grad():
            for p, g in zip(params, grads):
                p.sub_(g, alpha=RATE)

    return {"run": run, "check": lambda: loss().detach()}


def trained(m):
    """The weights without the second bias, which the others do not have."""
    return [p for name, p in m.named_parameters() if not name.startswith("bias_hh")]


def network(kind, by_hand, z, gates):
    params = weights(z["layers"], z["hidden"], gates, 1)
    if OWN:
        m = module(kind, params, z["hidden"])
        return trained(m), lambda xs: m(xs)[0]
    return [p for layer in params for p in layer], lambda xs: by_hand(params, xs)


def w1(z):
    xs = tensor(uniform((z["time"], z["batch"], z["hidden"]), 4, 1))
    params, forward = network(torch.nn.RNN, rnn_by_hand, z, 1)
    return params, lambda: forward(xs)


def w1_train(z):
    params, forward = w1(z)
    return training(params, lambda: forward().square().mean())


def w1_forward(z):
    _, forward = w1(z)

    def run():
        with torch.inference_mode():
            return forward()

    return {"run": run, "check": lambda: run().square().mean()}


def w2_train(z):
    hidden, vocabulary = z["hidden"], z["vocabulary"]
    table = tensor(uniform((vocabulary, hidden), 5, 1)).requires_grad_()
    w = tensor(uniform((hidden, vocabulary), 6, hidden**-0.5)).requires_grad_()
    b = torch.zeros(vocabulary, requires_grad=True)
    ids = tensor(integers((z["time"], z["batch"]), 7, vocabulary)).long()
    targets = tensor(integers((z["time"], z["batch"]), 8, vocabulary)).long()
    params, forward = network(torch.nn.LSTM, lstm_by_hand, z, 4)

    def loss():
        logits = forward(torch.nn.functional.embedding(ids, table)) @ w + b
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    return training([*params, table, w, b], loss)


def w3_step(z):
    layers, batch, hidden = z["layers"], z["batch"], z["hidden"]
    params = weights(layers, hidden, 4, 1)
    x = tensor(uniform((batch, hidden), 4, 1))
    m = module(torch.nn.LSTM, params, hidden)
    zero = torch.zeros(layers, batch, hidden)

    def by_library(state):
        y, state = m(x[None], state)
        return y, state

    def by_hand(state):
        signal, kept = x, []
        for (wx, wh, b), (h, c) in zip(params, state):
            signal, c = lstm_step(torch.addmm(b, signal, wx), h, c, wh)
            kept.append((signal, c))
        return signal, kept

    step, start = (by_library, (zero, zero)) if OWN else (by_hand, [(zero[0], zero[0])] * layers)
    state = {"s": start}

    def run():
        with torch.inference_mode():
            _, state["s"] = step(state["s"])

    with torch.inference_mode():
        first = step(start)[0].sum()
    return {"run": run, "check": lambda: first}


def w4(z):
    n = z["n"]
    a, b = tensor(uniform((n, n), 1, 1)), tensor(uniform((n, n), 2, 1))
    return {"run": lambda: a @ b, "check": lambda: (a @ b).abs().sum()}


def recurrence(z, limit):
    """Steps cost the same, so a part of them is timed and scaled."""
    steps = min(z["time"], limit)
    x = tensor(uniform((z["width"],), 1, 1)).requires_grad_()
    c = torch.zeros(z["width"], requires_grad=True)

    def final():
        state = c
        for _ in range(steps):
            state = torch.add(x, state, alpha=0.9)
        return state

    return final, c, x, z["time"] / steps


def w5_forward(z):
    final, _, _, scale = recurrence(z, 20000)

    def run():
        with torch.inference_mode():
            return final()

    return {"run": run, "check": lambda: run().abs().sum(), "scale": scale}


def w5_gradient(z):
    final, c, x, scale = recurrence(z, 5000)

    def run():
        return torch.autograd.grad(final().sum(), (c, x))

    return {"run": run, "check": lambda: run()[1].sum(), "scale": scale}


def gradients(f, by, *args):
    args = [a.detach().requires_grad_(i in by) for i, a in enumerate(args)]
    with torch.enable_grad():
        return torch.autograd.grad(f(*args), [args[i] for i in by])


def operation(inputs, source, is_random):
    args = [tensor(a) for a in inputs]
    f = eval(source, {"torch": torch, "F": torch.nn.functional, "gradients": gradients})

    @torch.no_grad()
    def run():
        return f(*args)

    def check():
        made = run()
        return 1 if is_random else checksum(made if isinstance(made, tuple) else [made])

    return {"run": run, "check": check}


serve(
    {"versions": {"torch": torch.__version__}, "threads": torch.get_num_threads()},
    {
        "W1-train": w1_train,
        "W1-forward": w1_forward,
        "W2-train": w2_train,
        "W3-step": w3_step,
        "W4-512": w4,
        "W4-1024": w4,
        **({} if not OWN else {"W5-forward": w5_forward, "W5-gradient": w5_gradient}),
    },
    operation,
)
