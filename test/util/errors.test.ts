/** What every error of weft is, how long it may be, and what its trace shows. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import * as weft from "../../src/index.ts";
import { foldFrames, HERE, setFolding } from "../../src/util/frames.ts";
import { cut, show, tuple } from "../../src/util/text.ts";

const { numpy: np, jit, lax } = weft;

describe("classes", () => {
  const KIN: [name: string, parents: readonly Function[]][] = [
    ["WeftError", [Error]],
    ["WeftTypeError", [TypeError]],
    ["WeftValueError", [RangeError]],
    ["ConcretizationTypeError", [TypeError, weft.WeftTypeError]],
    ["TracerBoolConversionError", [TypeError, weft.WeftTypeError, weft.ConcretizationTypeError]],
    ["UnexpectedTracerError", [TypeError, weft.WeftTypeError]],
    ["DeletedArrayError", [Error]],
    ["OutOfMemoryError", [Error]],
    ["InternalError", [Error]],
  ];
  const classes: Readonly<Record<string, unknown>> = { ...weft };
  const makeError = (name: string): Error =>
    new (classes[name] as new (m: string, o?: ErrorOptions) => Error)("why", {
      cause: 7,
    });

  test.each(KIN)("%s", (name, parents) => {
    const error = makeError(name);
    for (const parent of [...parents, weft.WeftError]) expect(error).toBeInstanceOf(parent);
    expect(error.name).toBe(name);
    expect(error.message).toMatch(/^why/);
    expect(error.stack).toMatch(new RegExp(`^${name}: why`));
  });

  test.each(KIN)("%s is no instance of what it is no kind of", (name, parents) => {
    const others = KIN.filter(([n]) => n !== name && n !== "WeftError").map(([n]) => classes[n] as Function);
    const wrong = others.filter((C) => makeError(name) instanceof C && !parents.includes(C));
    expect(wrong).toEqual([]);
  });

  test("other errors are none of weft's", () => {
    for (const x of [new Error("x"), new TypeError("x"), null, undefined, 1, {}, () => {}])
      expect(x instanceof weft.WeftError).toBe(false);
  });

  test("a cause is kept", () => expect(makeError("WeftValueError").cause).toBe(7));
});

describe("messages are short", () => {
  test("whatever went into them", () => {
    const { message } = new weft.WeftTypeError(`begin ${"x".repeat(1e6)} end`);
    expect(message.length).toBeLessThanOrEqual(1500);
    expect(message).toMatch(/^begin x+ … \(\d+ more characters\) … x+ end$/);
  });

  const LONG = "y".repeat(1000);
  class Unlucky {
    get length(): number {
      throw new Error("looked at");
    }
  }
  const cyclic: unknown[] = [1];
  cyclic.push(cyclic);
  const revoked = Proxy.revocable([], {});
  revoked.revoke();
  const ROWS: [value: unknown, text: string | RegExp][] = [
    ["a\nb", '"a\\nb"'],
    [LONG, /^"y+ … \(\d+ more characters\) … y+"$/],
    [-0, "-0"],
    [Number.NaN, "NaN"],
    [12n, "12n"],
    [Symbol("s"), "Symbol(s)"],
    [null, "null"],
    [undefined, "undefined"],
    [Math.max, "the function max"],
    [[1, [2, [3, [4]]]], "[1, [2, […]]]"],
    [Array.from({ length: 1e6 }, () => 1), "[1, 1, 1, 1, 1, 1, … 999994 more]"],
    [new Array(3), "[undefined, undefined, undefined]"],
    [cyclic, "[1, [1, […]]]"],
    [{ a: 1, b: 2 }, "{a, b}"],
    [Object.create(null), "{}"],
    [new Map(), "an instance of Map"],
    [new Unlucky(), "an instance of Unlucky"],
    [new Float32Array(3), "Float32Array(3)"],
  ];
  test.each(ROWS)("show %#", (value, text) => {
    expect(show(value)).toMatch(typeof text === "string" ? new RegExp(`^${quoted(text)}$`) : text);
    expect(show(value).length).toBeLessThan(200);
  });
  test("an object that refuses every question", () =>
    expect(show(revoked.proxy)).toBe("an object that cannot be looked at"));
  test("arrays say their type", () => expect(show(np.ones([2]))).toBe("float32[2]"));
  test("traced arrays say so", () => {
    jit((x: weft.NDArray) => {
      expect(show([x])).toBe("[Traced<float32[2]>]");
      return x;
    })(np.ones([2]));
  });
  test("tuples", () =>
    expect([[], [3], [2, 3], Array.from({ length: 9 }, (_, i) => i)].map(tuple)).toEqual([
      "()",
      "(3,)",
      "(2, 3)",
      "(0, 1, 2, 3, 4, 5, … 3 more)",
    ]));
  test("cut", () => expect(cut("abc", 3)).toBe("abc"));
});

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

describe("traces", () => {
  afterEach(() => setFolding(true));

  const inner = (x: weft.NDArray): weft.NDArray => x.reshape([7]);
  const traced = jit(inner);
  const caller = (): unknown => traced(np.ones([2, 3]));
  const calledBadly = (): unknown => traced("no array" as never);
  const body = (): unknown =>
    lax.scan((c: weft.NDArray) => [inner(c), null] as never, np.ones([2]), null, { length: 2 });

  function frames(f: () => unknown): string[] {
    try {
      f();
    } catch (error) {
      return (error as Error).stack!.split("\n").filter((line) => /^\s+at /.test(line));
    }
    throw new Error("there was no error");
  }
  const OWN = fileURLToPath(new URL("..", HERE));
  const own = (lines: readonly string[]): string[] => lines.filter((line) => line.includes(OWN));

  test.each([
    ["an argument of a jitted function", calledBadly, /calledBadly/, /.*/],
    ["an operation inside of a jitted function", caller, /inner/, /caller/],
    ["an operation in a loop", body, /inner/, /errors\.test/],
    [
      "a loop that does not fit",
      () => lax.scan(() => [1, 2, 3] as never, 1, null, { length: 1 }),
      /errors\.test/,
      /.*/,
    ],
  ])("%s", (_, f, first, second) => {
    const lines = frames(f);
    expect(lines[0]).toMatch(first);
    expect(lines[1]).toMatch(second);
    expect(own(lines)).toEqual([]);
    expect(lines.length).toBeLessThanOrEqual(Error.stackTraceLimit);
  });

  test("WEFT_DEBUG shows everything, and more than ten frames", () => {
    setFolding(false);
    const lines = frames(body);
    expect(own(lines).length).toBeGreaterThan(4);
    expect(lines.some((line) => line.includes("inner"))).toBe(true);
    expect(lines.some((line) => line.includes("body"))).toBe(true);
    expect(lines.length).toBeGreaterThan(10);
  });

  test("weft's own faults show everything", () => {
    expect(
      own(
        frames(() =>
          jit(() => {
            throw new weft.InternalError("x");
          })(),
        ),
      ),
    ).not.toEqual([]);
  });

  test("a trace without frames, or made into something else, is left alone", () => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    const bare = new weft.WeftError("x");
    Error.stackTraceLimit = limit;
    expect(bare.stack).toBe("WeftError: x");
    const odd = Object.assign(new Error("x"), { stack: 7 });
    expect(() => foldFrames(odd)).not.toThrow();
  });

  test("the variable is read", () => {
    const program = `
      const { numpy: np, jit } = await import(${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)});
      try { jit((x) => x.reshape([7]))(np.ones([2])); } catch (e) { console.log(e.stack); }`;
    const run = (env: Record<string, string>): string =>
      spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        encoding: "utf8",
        env: { ...process.env, ...env },
      }).stdout;
    expect(run({ WEFT_DEBUG: "" })).not.toMatch(/dist\//);
    expect(run({ WEFT_DEBUG: "1" })).toMatch(/dist\/lax/);
  });
});
