// A page with threads: the same bits on one thread and on two, with workers that took part.
import { config, jit, numpy as np } from "../../src/index.ts";

const n = 320;
// Functions, not methods: package.json names the built files that install them, and this is bundled from the sources.
const x = np.reshape(np.sin(np.multiply(np.arange(n * n), 0.001)), [n, n]);
const f = jit((a) => np.matmul(np.tanh(np.matmul(a, a)), a));
const bits = () => new Uint32Array(f(x).dataSync().buffer);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function check() {
  config.threads = 1;
  const want = bits();
  config.threads = 2;
  let equal = true;
  for (let i = 0; i < 40; i++) {
    equal &&= bits().every((v, j) => v === want[j]);
    await pause(i < 30 ? 10 : 0);
  }
  return { equal, isolated: globalThis.crossOriginIsolated };
}

window.result = await check();
