/** Activations and normalisations against JAX's. */
import type { NDArray } from "../../src/core/array.ts";
import { nn } from "../../src/index.ts";
import { type Fn, testRows } from "./rows.ts";

const ELEMENTWISE = {
  ...{
    relu: nn.relu,
    relu6: nn.relu6,
    sigmoid: nn.sigmoid,
    softplus: nn.softplus,
    logSigmoid: nn.logSigmoid,
  },
  ...{ softSign: nn.softSign, silu: nn.silu, mish: nn.mish, elu: nn.elu, celu: nn.celu, selu: nn.selu },
  ...{ leakyRelu: nn.leakyRelu, hardSigmoid: nn.hardSigmoid, hardSilu: nn.hardSilu, hardTanh: nn.hardTanh },
  ...{
    squareplus: nn.squareplus,
    sparsePlus: nn.sparsePlus,
    sparseSigmoid: nn.sparseSigmoid,
    log1mexp: nn.log1mexp,
  },
  ...{ identity: nn.identity, glu: nn.glu, gelu: nn.gelu },
};
const ALONG = {
  ...{ softmax: nn.softmax, logSoftmax: nn.logSoftmax, logsumexp: nn.logsumexp, logmeanexp: nn.logmeanexp },
  ...{ standardize: nn.standardize },
};

const TABLE: Record<string, Fn> = {
  ...Object.fromEntries(
    Object.entries(ELEMENTWISE).map(([name, fn]) => [`nn.${name}`, (x: NDArray) => fn(x)]),
  ),
  ...Object.fromEntries(
    Object.entries(ALONG).flatMap(([name, fn]) =>
      [0, 1].map((axis) => [`nn.${name} ${axis}`, (x: NDArray) => fn(x, axis)]),
    ),
  ),
  "nn.gelu exact": (x) => nn.gelu(x!, { approximate: false }),
  "nn.elu 2": (x) => nn.elu(x!, 2),
  "nn.celu 2": (x) => nn.celu(x!, 2),
  "nn.oneHot 3": (i) => nn.oneHot(i!, 3),
};

testRows("nn", TABLE, ({ tol = 1e-6 }) => ({
  value: { relative: tol, absolute: 2e-7 },
  derivative: { relative: 1e-5, absolute: 2e-6 },
}));
