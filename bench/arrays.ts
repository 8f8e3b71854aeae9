/** Arguments of the workloads. */
import { config, numpy as np } from "weftjs";
import { integers, uniform } from "./inputs.ts";

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Inputs are made in WebAssembly on every tier: the C compiler would take longer for each shape than for the workload itself. */
export function onWasm<T>(make: () => T): T {
  const { tier } = config;
  config.tier = "wasm";
  try {
    return make();
  } finally {
    config.tier = tier;
  }
}

export const array = (shape: readonly number[], seed: number, scale: number): np.Array =>
  onWasm(() => np.array(uniform(sizeOf(shape), seed, scale)).reshape(shape));
export const zeros = (shape: readonly number[]): np.Array => onWasm(() => np.zeros(shape));
export const indices = (shape: readonly number[], seed: number, limit: number): np.Array =>
  onWasm(() => np.array(integers(sizeOf(shape), seed, limit)).reshape(shape));
