/**
 * What differs between Node and browsers; imported as `#platform`. The only file of the library with Node imports.
 * `platform-browser.ts` exports the same names with the same types.
 */
import process from "node:process";
import v8 from "node:v8";

/** The value of an environment variable. */
export const env = (name: string): string | undefined => process.env[name];

/** Writes one line to standard output at once (also from inside of a compiled program). */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Whether a WebAssembly.Memory may be shared with workers. */
export const canShareMemory = (): boolean => true;

/** V8 ships relaxed SIMD from this version on; before, it hides behind a flag. */
const RELAXED_SIMD_SINCE = 11.4;

/** Turns on what the engine has behind flags. Must run before the first probe for features and the first compile. */
export function prepareEngine(): void {
  if (Number.parseFloat(process.versions.v8) >= RELAXED_SIMD_SINCE) return;
  v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
}

/** The method under which a console looks for an object's own rendering. */
export const inspectSymbol: symbol = Symbol.for("nodejs.util.inspect.custom");
