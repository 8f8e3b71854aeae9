/** Ordinary operations as their users write them in weft, JAX and PyTorch: `npm run bench -- breadth`. */
import { grad, lax, nn, numpy as np, random } from "weftjs";
import type { Input } from "./inputs.ts";
import type { Workload } from "./workloads.ts";

type A = np.Array;

export interface Operation {
  readonly inputs: readonly Input[];
  readonly weft: (...xs: [x: A, y: A, z: A]) => unknown;
  /** Expressions of x, y and z. */
  readonly jax: string;
  readonly torch: string;
  /** Numbers that are each contestant's own are not compared. */
  readonly isRandom?: boolean;
}

const N = 1024;
const SQUARE: Input = { shape: [N, N] };
const POSITIVE: Input = { shape: [N, N], over: "positive" };
const ROW: Input = { shape: [N] };
const HEADS: Input = { shape: [4, 256, 8, 64] };
const IDS: Input = { shape: [N], over: N };
const MANY: Input = { shape: [1_000_000] };
const LOGITS: Input = { shape: [64, 1000] };
const SEED: Input = { shape: [], over: 100 };
const LAYERS: readonly Input[] = [{ shape: [512, 512] }, { shape: [512, 64] }, { shape: [256, 512] }];

const attention = (q: A, k: A, v: A): A => {
  const scores = np.einsum("bqhd,bkhd->bhqk", q, k).div(8);
  return np.einsum("bhqk,bkhd->bqhd", nn.softmax(scores, -1), v);
};
const crossEntropy = (x: A, ids: A): A =>
  np.mean(np.takeAlongAxis(nn.logSoftmax(x, -1), np.expandDims(ids, -1), -1)).neg();
const perceptron = (w: A, v: A, x: A): A => np.mean(np.square(np.tanh(x.matmul(w)).matmul(v)));

const JAX = {
  attention: `jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", x, y) / 8, -1), z)`,
  crossEntropy: "-jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x, -1), y[:, None], -1))",
  perceptron: "jnp.mean(jnp.square(jnp.tanh(z @ x) @ y))",
};
const TORCH = {
  attention: `torch.einsum("bhqk,bkhd->bqhd", torch.softmax(torch.einsum("bqhd,bkhd->bhqk", x, y) / 8, -1), z)`,
  crossEntropy: "F.cross_entropy(x, y.long())",
  perceptron: "torch.mean(torch.square(torch.tanh(z @ x) @ y))",
};
/** The derivative of the sum of an expression of x, y and z by those that are named. */
const gradients = (by: readonly number[], jax: string, torch: string): Pick<Operation, "jax" | "torch"> => ({
  jax: `jax.grad(lambda x, y=None, z=None: jnp.sum(${jax}), (${by},))(*args)`,
  torch: `gradients(lambda x, y=None, z=None: torch.sum(${torch}), (${by},), *args)`,
});

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  add: { inputs: [SQUARE, SQUARE], weft: (x, y) => x.add(y), jax: "x + y", torch: "x + y" },
  "x * y + x": {
    inputs: [SQUARE, SQUARE],
    weft: (x, y) => x.mul(y).add(x),
    jax: "x * y + x",
    torch: "torch.addcmul(x, x, y)",
  },
  exp: { inputs: [SQUARE], weft: np.exp, jax: "jnp.exp(x)", torch: "torch.exp(x)" },
  log: { inputs: [POSITIVE], weft: np.log, jax: "jnp.log(x)", torch: "torch.log(x)" },
  tanh: { inputs: [SQUARE], weft: np.tanh, jax: "jnp.tanh(x)", torch: "torch.tanh(x)" },
  sin: { inputs: [SQUARE], weft: np.sin, jax: "jnp.sin(x)", torch: "torch.sin(x)" },
  sigmoid: { inputs: [SQUARE], weft: nn.sigmoid, jax: "jax.nn.sigmoid(x)", torch: "torch.sigmoid(x)" },
  gelu: {
    inputs: [SQUARE],
    weft: (x) => nn.gelu(x),
    jax: "jax.nn.gelu(x)",
    torch: `F.gelu(x, approximate="tanh")`,
  },
  power: { inputs: [POSITIVE], weft: (x) => x.pow(2.5), jax: "x ** 2.5", torch: "x ** 2.5" },
  where: {
    inputs: [SQUARE, SQUARE],
    weft: (x, y) => np.where(x.greater(0), x, y),
    jax: "jnp.where(x > 0, x, y)",
    torch: "torch.where(x > 0, x, y)",
  },
  clip: {
    inputs: [SQUARE],
    weft: (x) => x.clip(-0.5, 0.5),
    jax: "x.clip(-0.5, 0.5)",
    torch: "x.clip(-0.5, 0.5)",
  },
  "to int32": {
    inputs: [SQUARE],
    weft: (x) => x.mul(100).astype("int32"),
    jax: "(x * 100).astype(jnp.int32)",
    torch: "(x * 100).int()",
  },
  sum: { inputs: [SQUARE], weft: (x) => x.sum(), jax: "x.sum()", torch: "x.sum()" },
  "sum over axis 0": { inputs: [SQUARE], weft: (x) => x.sum(0), jax: "x.sum(0)", torch: "x.sum(0)" },
  "sum over axis 1": { inputs: [SQUARE], weft: (x) => x.sum(1), jax: "x.sum(1)", torch: "x.sum(1)" },
  "max over axis 0": { inputs: [SQUARE], weft: (x) => x.max(0), jax: "x.max(0)", torch: "torch.amax(x, 0)" },
  "mean of squares": {
    inputs: [SQUARE],
    weft: (x) => np.mean(np.square(x)),
    jax: "jnp.mean(jnp.square(x))",
    torch: "torch.mean(torch.square(x))",
  },
  variance: { inputs: [SQUARE], weft: (x) => x.var(1), jax: "x.var(1)", torch: "x.var(1, unbiased=False)" },
  argmax: { inputs: [SQUARE], weft: (x) => x.argmax(1), jax: "x.argmax(1)", torch: "x.argmax(1)" },
  logsumexp: {
    inputs: [SQUARE],
    weft: (x) => nn.logsumexp(x, 1),
    jax: "jax.nn.logsumexp(x, 1)",
    torch: "torch.logsumexp(x, 1)",
  },
  softmax: {
    inputs: [SQUARE],
    weft: (x) => nn.softmax(x, -1),
    jax: "jax.nn.softmax(x, -1)",
    torch: "torch.softmax(x, -1)",
  },
  "cross entropy": {
    inputs: [SQUARE, IDS],
    weft: crossEntropy,
    jax: JAX.crossEntropy,
    torch: TORCH.crossEntropy,
  },
  "layer norm": {
    inputs: [SQUARE],
    weft: (x) => nn.standardize(x, -1),
    jax: "jax.nn.standardize(x, -1)",
    torch: `F.layer_norm(x, (${N},))`,
  },
  "running sum along axis 0": {
    inputs: [SQUARE],
    weft: (x) => x.cumsum(0),
    jax: "x.cumsum(0)",
    torch: "x.cumsum(0)",
  },
  "running sum along axis 1": {
    inputs: [SQUARE],
    weft: (x) => x.cumsum(1),
    jax: "x.cumsum(1)",
    torch: "x.cumsum(1)",
  },
  transpose: { inputs: [SQUARE], weft: (x) => x.T, jax: "x.T", torch: "x.T.contiguous()" },
  concatenate: {
    inputs: [SQUARE, SQUARE],
    weft: (x, y) => np.concatenate([x, y], 1),
    jax: "jnp.concatenate([x, y], 1)",
    torch: "torch.cat([x, y], 1)",
  },
  "every other row and column": {
    inputs: [SQUARE],
    weft: (x) => lax.slice(x, [0, 0], [N, N], [2, 2]),
    jax: "x[::2, ::2]",
    torch: "x[::2, ::2].contiguous()",
  },
  flip: { inputs: [SQUARE], weft: (x) => np.flip(x, 1), jax: "jnp.flip(x, 1)", torch: "torch.flip(x, (1,))" },
  pad: { inputs: [SQUARE], weft: (x) => np.pad(x, 8), jax: "jnp.pad(x, 8)", torch: "F.pad(x, (8, 8, 8, 8))" },
  roll: {
    inputs: [SQUARE],
    weft: (x) => np.roll(x, 3, 1),
    jax: "jnp.roll(x, 3, 1)",
    torch: "torch.roll(x, 3, 1)",
  },
  "take rows": {
    inputs: [SQUARE, IDS],
    weft: (x, ids) => np.take(x, ids, 0),
    jax: "jnp.take(x, y, 0)",
    torch: "x[y]",
  },
  "add to rows": {
    inputs: [SQUARE, IDS, SQUARE],
    weft: (x, ids, y) => x.at(ids).add(y),
    jax: "x.at[y].add(z)",
    torch: "x.index_add(0, y, z)",
  },
  "one-hot": {
    inputs: [IDS],
    weft: (ids) => nn.oneHot(ids, N),
    jax: `jax.nn.one_hot(x, ${N})`,
    torch: `F.one_hot(x.long(), ${N}).float()`,
  },
  "outer product": {
    inputs: [ROW, ROW],
    weft: (x, y) => np.outer(x, y),
    jax: "jnp.outer(x, y)",
    torch: "torch.outer(x, y)",
  },
  "matrix times vector": { inputs: [SQUARE, ROW], weft: (x, y) => x.matmul(y), jax: "x @ y", torch: "x @ y" },
  "matrices in a batch": {
    inputs: [{ shape: [64, 128, 64] }, { shape: [64, 64, 128] }],
    weft: (x, y) => x.matmul(y),
    jax: "x @ y",
    torch: "x @ y",
  },
  "transposed times matrix": {
    inputs: [{ shape: [N, 256] }, { shape: [N, 256] }],
    weft: (x, y) => x.T.matmul(y),
    jax: "x.T @ y",
    torch: "x.T @ y",
  },
  attention: { inputs: [HEADS, HEADS, HEADS], weft: attention, jax: JAX.attention, torch: TORCH.attention },
  sort: { inputs: [MANY], weft: (x) => x.sort(), jax: "jnp.sort(x)", torch: "torch.sort(x)[0]" },
  "positions in order": {
    inputs: [LOGITS],
    weft: (x) => x.argsort(-1),
    jax: "x.argsort(-1)",
    torch: "x.argsort(-1)",
  },
  "five largest": {
    inputs: [LOGITS],
    weft: (x) => lax.topK(x, 5)[0],
    jax: "lax.top_k(x, 5)[0]",
    torch: "torch.topk(x, 5)[0]",
  },
  "normal numbers": {
    inputs: [SEED],
    weft: (x) => random.normal(random.key(x), MANY.shape),
    jax: "jax.random.normal(jax.random.key(x), (1000000,))",
    torch: "torch.randn(1000000)",
    isRandom: true,
  },
  "uniform numbers": {
    inputs: [SEED],
    weft: (x) => random.uniform(random.key(x), MANY.shape),
    jax: "jax.random.uniform(jax.random.key(x), (1000000,))",
    torch: "torch.rand(1000000)",
    isRandom: true,
  },
  "gradient of a perceptron": {
    inputs: LAYERS,
    weft: grad(perceptron, { argnums: [0, 1] }),
    ...gradients([0, 1], JAX.perceptron, TORCH.perceptron),
  },
  "gradient of cross entropy": {
    inputs: [SQUARE, IDS],
    weft: grad(crossEntropy),
    ...gradients([0], JAX.crossEntropy, TORCH.crossEntropy),
  },
  "gradient of layer norm": {
    inputs: [SQUARE, SQUARE],
    weft: grad((x: A, y: A) => nn.standardize(x, -1).mul(y).sum()),
    ...gradients([0], "jax.nn.standardize(x, -1) * y", `F.layer_norm(x, (${N},)) * y`),
  },
  "gradient of attention": {
    inputs: [HEADS, HEADS, HEADS],
    weft: grad((q: A, k: A, v: A) => attention(q, k, v).sum(), { argnums: [0, 1, 2] }),
    ...gradients([0, 1, 2], JAX.attention, TORCH.attention),
  },
};

/** What contestants in Python are told; weft has the table itself. */
const request = ({ inputs, jax, torch, isRandom = false }: Operation, family: string): object => ({
  inputs: inputs.map(({ shape, over = "signed" }) => ({ shape, over })),
  expression: family === "JAX" ? jax : torch,
  isRandom,
});

export const BREADTH: readonly Workload[] = Object.entries(OPERATIONS).map(([id, operation]) => ({
  id,
  title: id,
  sizes: {},
  unit: "ms",
  request: (family: string) => request(operation, family),
}));
