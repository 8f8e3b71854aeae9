/**
 * Stack traces without weft's own frames: the user's line comes first, and below it the line that called the jitted function.
 *
 * Frames are recognised by the folder that this file lies in, or by the file that has all of weft. In a bundle, where weft and the
 * program are one file, there is nothing to tell them apart, and traces stay as they are.
 */

/** V8 writes `    at f (url:1:2)` or `    at url:1:2`, other engines `f@url:1:2`. */
const isFrame = (line: string): boolean => /^\s+at .|@.*:\d+:\d+$/.test(line);

/** This file as stack traces write it: where bundlers make CommonJS of it, there is no `import.meta`. */
export const HERE: string | undefined = String(new Error().stack)
  .split("\n")
  .find(isFrame)
  ?.replace(/^(?:.*\(|\s*at |.*@)/, "")
  .replace(/:\d+:\d+\)?$/, "");

/** `…/dist/`, or `…/dist/weft.js` with everything in it. */
const OWN = /^(?:file:\/\/)?(.*\/(?:(?=util\/frames\.[jt]s)|dist\/weft(?:\.node)?\.js))/.exec(
  HERE ?? "",
)?.[1];

/** Deep enough to reach the user's frames below those of nested transformations. */
const DEEPEST = 200;

let folding = true;
/** Whether errors that are made from now on leave weft's frames out. */
export function setFolding(on: boolean): void {
  folding = on;
}

/** Engines that are not V8 record all frames. */
const engine: { stackTraceLimit?: number; captureStackTrace?: (error: object) => void } = Error;

/** Removes weft's frames from the trace of an error that was just made, unless it has no others. */
export function foldFrames(error: Error): void {
  const limit = engine.stackTraceLimit ?? DEEPEST;
  const lines = keepFrames(error)?.split("\n") ?? [];
  const first = lines.findIndex(isFrame);
  if (!folding || OWN === undefined || first < 0) return;
  const foreign = withoutOwn(lines.slice(first)).slice(0, limit);
  if (foreign.length > 0) setTrace(error, [...lines.slice(0, first), ...foreign].join("\n"));
}

/** Records more frames than errors usually keep. Returns them, unless somebody makes traces something else than text. */
export function keepFrames(error: Error): string | undefined {
  const limit = engine.stackTraceLimit;
  if (limit && engine.captureStackTrace && Reflect.set(engine, "stackTraceLimit", DEEPEST)) {
    engine.captureStackTrace(error);
    engine.stackTraceLimit = limit;
  }
  const { stack } = error;
  return typeof stack === "string" ? stack : undefined;
}

const setTrace = (error: Error, value: string): void => {
  Object.defineProperty(error, "stack", { value, writable: true, configurable: true });
};

/** Frames of built-in functions belong to who called them. */
function withoutOwn(frames: readonly string[]): string[] {
  let own = false;
  const isForeign = (frame: string): boolean => {
    if (!frame.includes("(<anonymous>)")) own = frame.includes(OWN!) || frame.includes("wasm://");
    return !own;
  };
  return frames.toReversed().filter(isForeign).reverse();
}
