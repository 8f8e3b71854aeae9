// A page that asks for threads: the same bits on one thread and on two, what `explain` says of them, and what fails.
import { CONTROL } from "../../src/backends/common/handover.ts";
import { config, explain, init, jit, numpy as np } from "../../src/index.ts";

const n = 320;
// Functions, not methods: package.json names the built files that install them, and this is bundled from the sources.
const product = (a) => np.matmul(np.tanh(np.matmul(a, a)), a);
const f = jit(product);

/** Where the number of the current job is, as workers are told when they start. */
let job;
const { postMessage } = Worker.prototype;
Worker.prototype.postMessage = function (data, ...rest) {
  if (data.memory)
    job = () => Atomics.load(new Int32Array(data.memory.buffer, data.control, 64), CONTROL.tag / 4);
  return postMessage.call(this, data, ...rest);
};

/** Whether a call is handed over to workers. */
function isShared(x) {
  const before = job();
  f(x).dataSync();
  return job() !== before;
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
  const helped = after.readyThreads > 1 ? isShared(x) : undefined;
  const equal = Array.from({ length: 4 }, bits).every((found) => found.every((v, i) => v === want[i]));
  config.threads = 3;
  await init();
  return { isolated: globalThis.crossOriginIsolated, equal, helped, before, after, more: threadsOf(x) };
}

window.result = await check().catch((error) => ({ error: String(error), cause: String(error.cause) }));
