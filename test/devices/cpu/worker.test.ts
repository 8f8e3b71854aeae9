/** Workers that end, at every place where they can. */
import process from "node:process";
import { expect, test, vi } from "vitest";
import { parseProgram } from "../../../src/compiler/ir/parse.ts";
import { InternalError } from "../../../src/core/errors.ts";
import { threaded } from "./threads-support.ts";

/** What workers do before they begin. */
const before = vi.hoisted(() => ({ text: "" }));
vi.mock("#platform", async (original) => {
  const platform = await original<typeof import("../../../src/platform/node.ts")>();
  const startWorker: typeof platform.startWorker = (program, ...rest) =>
    platform.startWorker(`(data) => { ${before.text}; (${program})(data); }`, ...rest);
  return { ...platform, startWorker };
});

/** Iteration i reads x[at[i]], after n[i] steps. */
const reading = parseProgram(`
program(n: i32[64], at: i32[64], x: f32[64]) -> (y: f32[64]) {
  for i < 64 parallel {
    let p: i32 = at[i]
    var k: i32 = i32(0)
    while { test i32.lt(k, n[i]) } do { set k = i32.add(k, i32(1)) }
    y[i] = f32.add(x[p], f32.convert(k))
  }
}`);
const x = Float32Array.from({ length: 64 }, (_, i) => i);
const inside = Int32Array.from(x);
/** The second half traps. The first one keeps the caller busy meanwhile. */
const outside = inside.map((i) => (i < 32 ? i : 2 ** 29 - 1));
const steps = new Int32Array(64).fill(200_000, 0, 32);
const want = x.map((v, i) => v + steps[i]!);

/** What is thrown by the first run on which a worker came first; on a busy machine the caller may, some times. */
function workersError(run: () => unknown): unknown {
  for (let i = 0; i < 200; i++) {
    try {
      run();
    } catch (error) {
      if (error instanceof InternalError) return error;
    }
  }
  return undefined;
}

/** A program whose worker runs `text` first, which makes it end at a bad time. */
function crippled(text: string) {
  before.text = text;
  const own = threaded("wasm");
  const run = own.compile(reading);
  own.use(2);
  return { own, run, expectRight: () => expect(run([steps, inside, x])[0]).toEqual(want) };
}

test("a worker that ends while it reports a failure fails the call, and another takes its place", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const { own, run, expectRight } = crippled("Error.prototype.toString = () => { throw 'no memory left'; }");
  await own.warm(2);
  expect(String(workersError(() => run([steps, outside, x])))).toContain("A worker thread failed");
  expectRight();
  await own.warm(2);
  expectRight();
  expect(warn).not.toHaveBeenCalled();
  // Its workers are none of the next test's business.
  own.use(1);
  warn.mockRestore();
});

test("workers that always end when they get code leave the caller alone, who goes on", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  // The engine may have something to say about so many workers, too.
  const ours = (): string[] =>
    warn.mock.calls
      .map(([text]) => String(text))
      .filter((text) => text.startsWith("weft runs on one thread"));
  const { expectRight } = crippled("Map.prototype.has = () => { throw 'no memory left'; }");
  await vi.waitFor(() => {
    expectRight();
    expect(ours()).toHaveLength(1);
  }, 60_000);
  expect(ours()[0]).toMatch(/a worker ended: no memory left/);
  for (let i = 0; i < 5; i++) expectRight();
  warn.mockRestore();
});
