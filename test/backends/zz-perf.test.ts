import { it } from "vitest";
import { setFlagsFromString } from "node:v8";
import { writeFileSync } from "node:fs";
setFlagsFromString("--experimental-wasm-relaxed-simd");
import { wasmTarget } from "../../src/compiler/target.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { printProgram } from "../../src/compiler/ir/print.ts";
import { contract } from "../../src/compiler/passes/contract.ts";
import { vectorize } from "../../src/compiler/passes/vectorize.ts";
import { compileProgram } from "./wasm-run.ts";
import { interpret } from "../../src/backends/interp/index.ts";

const mm = (n: number) => `program(a: f32[${n*n}], b: f32[${n*n}]) -> (out: f32[${n*n}]) {
  contract acc: f32 = a[0 batch () free (${n}) reduced (1)] * b[0 batch () free (1) reduced (${n})] over batch () rows (i < ${n}) cols (j < ${n}) depth (${n}) {
    out[${n}*i + j] = acc
  }
}`;
it("mm", () => {
  for (const registers of [10, 12, 16, 10, 12, 16]) for (const n of [256]) { const fma = true;
    const target = { ...wasmTarget({ relaxedSimd: fma }), registers };
    const p = vectorize(contract(parseProgram(mm(n)), target), target);
    
    const c = compileProgram(p, target);
    writeFileSync(`/tmp/weft/mm${n}${fma ? "f" : ""}.wasm`, c.bytes);
    const a = new Float32Array(n*n).map(() => Math.random()), b = new Float32Array(n*n).map(() => Math.random());
    let best = 1e9;
    for (let i = 0; i < 15; i++) { const t = performance.now(); c.run([a,b]); best = Math.min(best, performance.now() - t); }
    console.log(registers, n, fma, c.bytes.length, (2*n**3/best/1e6).toFixed(1), "GFLOP/s");
  }
}, 60000);
it("w5", () => {
  for (const lanes of [4, 8, 16]) {
  const p = parseProgram(`program(x: f32[1600000], c0: f32[16]) -> (y: f32[1600000], c: f32[16]) {
  for i < 16 independent lanes 8 { c[i] = c0[i] }
  for t < 100000 {
    for i < 16 independent lanes ${lanes} {
      let n: f32 = f32.add(f32.mul(c[i], f32(0.9)), x[16*t + i])
      c[i] = n
      y[16*t + i] = n
    }
  }
}`);
  const target = wasmTarget({ relaxedSimd: true });
  const c = compileProgram(p, target);
  writeFileSync(`/tmp/weft/w5-${lanes}.wasm`, c.bytes);
  const times = [];
  const x = new Float32Array(1600000).fill(1), c0 = new Float32Array(16);
  for (let i = 0; i < 12; i++) times.push(c.time([x, c0]));
  console.log("W5", lanes, c.bytes.length, times.map((t) => t.toFixed(2)).join(" "));
  }
});
it("tanh", () => {
  // 13/6 rational
  const num = [4.89352455891786e-3, 6.37261928875436e-4, 1.48572235717979e-5, 5.12229709037114e-8, -8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16];
  const den = [4.89352518554385e-3, 2.26843463243900e-3, 1.18534705686654e-4, 1.19825839466702e-6];
  const horner = (cs: number[]): string => cs.reduceRight((acc, c) => acc === "" ? `f32(${c})` : `f32.fma(%2, ${acc}, f32(${c}))`, "");
  const p = parseProgram(`program(x: f32[65536]) -> (y: f32[65536]) {
  for i < 65536 independent lanes 8 {
      %1 = f32.min(f32.max(x[i], f32(-9)), f32(9))
      %2 = f32.mul(%1, %1)
      y[i] = f32.div(f32.mul(%1, ${horner(num)}), ${horner(den)})
  }
}`);
  const c = compileProgram(p, wasmTarget({ relaxedSimd: true }));
  writeFileSync(`/tmp/weft/tanh.wasm`, c.bytes);
  const x = new Float32Array(65536).map((_, i) => Math.sin(i));
  const times = [];
  for (let i = 0; i < 30; i++) times.push(c.time([x]));
  console.log("tanh ns/elem", (Math.min(...times) * 1e6 / 65536).toFixed(3));
});
