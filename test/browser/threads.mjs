// A page that asks for threads: the same bits on one thread and on two, what `explain` says of them, and what fails.
import { config, explain, init, jit, numpy as np } from "../../src/index.ts";

const n = 320;
// Functions, not methods: package.json names the built files that install them, and this is bundled from the sources.
const product = (a) => np.matmul(np.tanh(np.matmul(a, a)), a);
const f = jit(product);

/** How long a call has to be tried until another thread was seen to help: on a busy machine it gets its processor at times only. */
const PATIENCE_MS = 20_000;
const GAIN = 1.2;

const timed = (act) => {
  const start = performance.now();
  act();
  return performance.now() - start;
};

/** Whether calls on these threads were faster than on one, without ever returning to the event loop. */
function gains(threads, x) {
  const best = { 1: Number.POSITIVE_INFINITY, [threads]: Number.POSITIVE_INFINITY };
  for (const start = performance.now(); performance.now() - start < PATIENCE_MS; ) {
    for (const count of [1, threads]) {
      config.threads = count;
      best[count] = Math.min(
        best[count],
        timed(() => f(x).dataSync()),
      );
    }
    if (best[threads] * GAIN < best[1]) return true;
  }
  return false;
}

function threadsOf(x) {
  const { readyThreads, whyFewer } = explain(product)(x);
  return { readyThreads, whyFewer };
}

async function check() {
  const x = np.reshape(np.array(Float32Array.from({ length: n * n }, (_, i) => Math.sin(i / 1000))), [n, n]);
  const bits = () => new Uint32Array(f(x).dataSync().buffer);
  config.threads = 1;
  const want = bits();
  config.threads = 2;
  const before = threadsOf(x);
  await init();
  const after = threadsOf(x);
  const helped = after.readyThreads > 1 && navigator.hardwareConcurrency > 1 ? gains(2, x) : undefined;
  config.threads = 2;
  const equal = Array.from({ length: 4 }, bits).every((found) => found.every((v, i) => v === want[i]));
  config.threads = 3;
  await init();
  return { isolated: globalThis.crossOriginIsolated, equal, helped, before, after, more: threadsOf(x) };
}

window.result = await check().catch((error) => ({ error: String(error), cause: String(error.cause) }));
