/**
 * GFLOP/s of one matrix product on one thread, as the passes and the wasm backend make it:
 *
 *     npm run bench matmul [m n k [turned]]
 *
 * On Node 20, `--experimental-wasm-relaxed-simd` brings fused multiply-add; `--registers 12` gives tiles of 4 by 8.
 */
import { setFlagsFromString } from "node:v8";
import { emitWasm, supports } from "../src/backends/wasm/index.ts";
import type { Program } from "../src/compiler/ir/nodes.ts";
import { parseProgram } from "../src/compiler/ir/parse.ts";
import { contract } from "../src/compiler/passes/contract.ts";
import { licm } from "../src/compiler/passes/licm.ts";
import { planMemory } from "../src/compiler/passes/plan.ts";
import { tidy } from "../src/compiler/passes/tidy.ts";
import { vectorize } from "../src/compiler/passes/vectorize.ts";
import { type Target, wasmTarget } from "../src/compiler/target.ts";

/** y = x·w; with `turned`, x lies transposed, as in the gradient of a weight. */
interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly turned: boolean;
}

const product = ({ m, n, k, turned }: Sizes): Program =>
  parseProgram(`program(x: f32[${m * k}], w: f32[${k * n}]) -> (y: f32[${m * n}]) {
    contract acc: f32 = x[0 batch() free(${turned ? 1 : k}) reduced(${turned ? m : 1})]
      * w[0 batch() free(1) reduced(${n})]
      over batch() rows(i < ${m}) cols(j < ${n}) depth(${k}) { y[${n}*i + j] = acc }
  }`);

interface Loaded {
  readonly run: () => void;
  readonly memory: Float32Array;
  readonly at: readonly number[];
}

/** A function that runs the program in a memory of its own, and the addresses of its buffers. */
async function load(program: Program, target: Target): Promise<Loaded> {
  const passes = [contract, licm, vectorize, tidy];
  const lowered = passes.reduce((p, pass) => pass(p, target), program);
  const plan = planMemory(lowered);
  const at: number[] = [];
  let top = 1024;
  for (const b of [...program.args, ...program.outputs]) {
    at.push(top);
    top += Math.ceil((4 * b.size) / 64) * 64;
  }
  const memory = new WebAssembly.Memory({ initial: Math.ceil((top + plan.bytes) / 65536) });
  new Int32Array(memory.buffer).set([...at, top], 64 / 4);
  const { bytes } = emitWasm(lowered, plan, target);
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const { run } = instance.exports as { run: (frame: number) => void };
  return { run: () => run(64), memory: new Float32Array(memory.buffer), at };
}

function check({ memory, at }: Loaded, { m, n, k, turned }: Sizes): void {
  const [x, w, y] = at.map((byte) => byte / 4) as [number, number, number];
  for (let trial = 0; trial < 100; trial++) {
    const [i, j] = [(trial * 7919) % m, (trial * 104729) % n];
    let sum = 0;
    for (let l = 0; l < k; l++) sum += memory[x + (turned ? l * m + i : i * k + l)]! * memory[w + l * n + j]!;
    const got = memory[y + i * n + j]!;
    if (!(Math.abs(got - sum) <= 1e-4 * k)) throw new Error(`y[${i}, ${j}] is ${got}, wanted ${sum}`);
  }
}

/** Best of several batches of at least 20 ms. */
function seconds(run: () => void): number {
  for (const start = performance.now(); performance.now() - start < 200; ) run();
  let best = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < 10; batch++) {
    const start = performance.now();
    let runs = 0;
    for (; performance.now() - start < 20; runs++) run();
    best = Math.min(best, (performance.now() - start) / runs / 1000);
  }
  return best;
}

const DEFAULTS = ["512", "1024", "32 1024 256", "32 256 1024", "256 256 4096 turned", "1 1024 256"];

setFlagsFromString("--experimental-wasm-relaxed-simd");
const args = process.argv.slice(2);
const flag = args.indexOf("--registers");
const registers = flag < 0 ? undefined : Number(args.splice(flag, 2)[1]);
const sizesOf = ([m = "512", n = m, k = m, layout = ""]: string[]): Sizes => ({
  m: Number(m),
  n: Number(n),
  k: Number(k),
  turned: layout === "turned",
});
const runs = args.length > 0 ? [args] : DEFAULTS.map((text) => text.split(" "));
for (const relaxedSimd of supports("relaxedSimd") ? [false, true] : [false]) {
  const base = wasmTarget({ relaxedSimd });
  const target = registers ? { ...base, registers } : base;
  for (const run of runs) {
    const sizes = sizesOf(run);
    const loaded = await load(product(sizes), target);
    for (let i = loaded.at[0]! / 4; i < loaded.at[2]! / 4; i++) loaded.memory[i] = ((i * 37) % 101) / 50 - 1;
    loaded.run();
    check(loaded, sizes);
    const rate = (2e-9 * sizes.m * sizes.n * sizes.k) / seconds(loaded.run);
    console.log(`${run.join(" ")}${relaxedSimd ? " fma" : ""}: ${rate.toFixed(1)} GFLOP/s`);
  }
}
