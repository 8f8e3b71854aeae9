import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { fromTyped, type NDArray } from "../../src/core/array.ts";
import { DTYPES, type DType } from "../../src/core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../../src/core/errors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  fitTree,
  loadSafetensors,
  saveSafetensors,
} from "../../src/io/index.ts";
import { fileSystem as inBrowser } from "../../src/platform/browser.ts";
import "../../src/devices/index.ts";

const folder = mkdtempSync(join(tmpdir(), "weft-io-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** 0, 1, 2, … of a shape and dtype. */
function counting(shape: readonly number[], dtype: DType): NDArray {
  const n = shape.reduce((a, b) => a * b, 1);
  const data = new DTYPES[dtype].array(new ArrayBuffer(n * DTYPES[dtype].bytes));
  for (let i = 0; i < n; i++) data[i] = dtype === "bool" ? i % 2 : i;
  return fromTyped(data, shape, dtype);
}

/** A file with this header and so many bytes of data. */
function file(header: unknown, dataBytes = 0, length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}
const f32 = (shape: unknown, begin: unknown, end: unknown): object => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("encode and decode", () => {
  const dtypes = Object.keys(DTYPES) as DType[];

  test.each(dtypes)("%s keeps its values, shape and dtype", (dtype) => {
    const x = counting([2, 3], dtype);
    const { tensors } = decodeSafetensors(encodeSafetensors({ x }));
    expect(tensors.x!.aval).toBe(x.aval);
    expect(tensors.x!.dataSync()).toEqual(x.dataSync());
  });

  test("names are paths joined by dots, metadata travels along", () => {
    const value = {
      layers: [{ w: counting([2], "float32") }, { w: counting([3], "int8") }],
      b: counting([], "float64"),
    };
    const { tensors, metadata } = decodeSafetensors(encodeSafetensors(value, { metadata: { step: "7" } }));
    expect(Object.keys(tensors).sort()).toEqual(["b", "layers.0.w", "layers.1.w"]);
    expect(metadata).toEqual({ step: "7" });
  });

  test("the layout is the published one: header length, JSON padded to 8 bytes, data", () => {
    const bytes = encodeSafetensors({ w: counting([3], "float32") });
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(length % 8).toBe(0);
    expect(header).toEqual({ w: { dtype: "F32", shape: [3], data_offsets: [0, 12] } });
    expect([...new Float32Array(bytes.slice(8 + length).buffer)]).toEqual([0, 1, 2]);
  });

  test("wide types come first, so all data is aligned", () => {
    const { tensors } = decodeSafetensors(
      encodeSafetensors({ a: counting([3], "int8"), b: counting([1], "float64"), c: counting([1], "int16") }),
    );
    expect(Object.keys(tensors)).toEqual(["b", "c", "a"]);
  });

  test("empty arrays, scalars, a bare array, an empty tree", () => {
    const round = (value: unknown) => decodeSafetensors(encodeSafetensors(value)).tensors;
    expect(round({ x: counting([0, 4], "float32") }).x!.shape).toEqual([0, 4]);
    expect(round({ x: counting([], "int32") }).x!.shape).toEqual([]);
    expect(Object.keys(round(counting([2], "uint8")))).toEqual(["value"]);
    expect(round({})).toEqual({});
  });

  test("keys that objects inherit are ordinary names", () => {
    const value = { toString: counting([1], "float32") };
    const { tensors } = decodeSafetensors(encodeSafetensors(value));
    expect(fitTree(tensors, value).toString.shape).toEqual([1]);
    expect(() => fitTree({}, value)).toThrow("toString of type float32[1] is missing");
  });

  test("a Node buffer in the middle of its memory decodes, and the result is a copy", () => {
    const bytes = Buffer.concat([
      Buffer.alloc(3),
      encodeSafetensors({ x: counting([4], "float64") }),
    ]).subarray(3);
    const { x } = decodeSafetensors(bytes).tensors;
    bytes.fill(0xff);
    expect([...x!.dataSync()]).toEqual([0, 1, 2, 3]);
  });

  test("names must be unique and metadata must be strings", () => {
    const x = counting([1], "float32");
    expect(() => encodeSafetensors({ "a.b": x, a: { b: x } })).toThrow(
      'the name "a.b" stands for two leaves',
    );
    expect(() => encodeSafetensors({ __metadata__: x })).toThrow("is reserved");
    expect(() => encodeSafetensors({ x }, { metadata: { step: 7 as never } })).toThrow(
      'metadata["step"] must be a string',
    );
  });
});

describe("decoding garbage", () => {
  const rows: [what: string, bytes: Uint8Array, error: string][] = [
    ["nothing", new Uint8Array(0), "it has 0 bytes"],
    ["three bytes", new Uint8Array(3), "it has 3 bytes"],
    ["a header beyond the end", file("{}", 0, 3n), "claims 3 bytes, but only 2 follow"],
    ["a huge header", file("{}", 0, 2n ** 63n), "more than the format allows"],
    ["no JSON", file("{oops"), "no JSON text"],
    ["no UTF-8", Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff), "no JSON text"],
    ["a list", file([]), "no JSON object"],
    ["null", file("null"), "no JSON object"],
    ["a number as tensor", file({ w: 1 }), 'tensor "w" is not described by an object'],
    [
      "an unknown dtype",
      file({ w: { dtype: "F8", shape: [], data_offsets: [0, 1] } }, 1),
      'dtype "F8"; known are F32',
    ],
    [
      "a dtype that objects inherit",
      file({ w: { dtype: "toString", shape: [], data_offsets: [0, 1] } }, 1),
      "known are",
    ],
    ["a negative dimension", file({ w: f32([-1], 0, 4) }, 4), "impossible shape [-1]"],
    ["a shape that is no list", file({ w: f32("3", 0, 4) }, 4), 'impossible shape "3"'],
    ["half an offset", file({ w: f32([1], 0.5, 4.5) }, 8), "impossible data_offsets [0.5,4.5]"],
    ["no offsets", file({ w: { dtype: "F32", shape: [1] } }, 4), "impossible data_offsets undefined"],
    ["offsets backwards", file({ w: f32([1], 4, 0) }, 4), "lies at [4, 0]"],
    ["data beyond the end", file({ w: f32([2], 0, 8) }, 4), "lies at [0, 8], but there are 4 bytes"],
    ["a shape of another size", file({ w: f32([3], 0, 8) }, 8), "float32[3] needs 12 bytes, but has 8"],
    ["a shape whose size overflows", file({ w: f32([2 ** 40, 2 ** 40], 0, 8) }, 8), "but has 8"],
    [
      "an overlap",
      file({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8),
      'tensor "b" begins at byte 4 of the data, inside of',
    ],
    [
      "a gap",
      file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
      'tensor "b" begins at byte 8 of the data, with a gap after',
    ],
    ["data that nobody owns", file({ a: f32([1], 0, 4) }, 8), "end at byte 4 of 8"],
    ["metadata that is no text", file({ __metadata__: { a: 1 } }), "not a dictionary of strings"],
  ];
  test.each(rows)("%s", (_, bytes, error) => {
    expect(() => decodeSafetensors(bytes)).toThrow(WeftValueError);
    expect(() => decodeSafetensors(bytes)).toThrow(error);
  });

  test("damaged files either decode or are refused by name", () => {
    const good = encodeSafetensors({ w: counting([2, 2], "float32"), b: counting([3], "int8") });
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, fc.nat(good.length), (changes, end) => {
        const bytes = good.slice(0, end);
        for (const [at, value] of changes) if (at < end) bytes[at] = value;
        try {
          decodeSafetensors(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WeftValueError);
        }
      }),
    );
  });
});

describe("fitting a tree", () => {
  const like = { w: counting([2, 2], "float32"), b: [counting([2], "int32")] };

  test("the structure comes back, the arrays are the loaded ones", () => {
    const { tensors } = decodeSafetensors(encodeSafetensors(like));
    const fitted = fitTree(tensors, like);
    expect(fitted.b[0]!.dataSync()).toEqual(like.b[0]!.dataSync());
    expect(fitted.w).toBe(tensors.w);
  });

  test("one error names everything that differs, with both types", () => {
    const { tensors } = decodeSafetensors(
      encodeSafetensors({ w: counting([2, 3], "float32"), c: counting([], "bool") }),
    );
    const fit = () => fitTree(tensors, like, "a.safetensors");
    expect(fit).toThrow(WeftTypeError);
    expect(fit).toThrow(
      "a.safetensors does not fit: b.0 of type int32[2] is missing; " +
        "w has type float32[2,3], but float32[2,2] is expected; c is not expected, but present with type bool[].",
    );
  });

  test("another dtype is another type", () => {
    expect(() => fitTree({ x: counting([2], "int32") }, { x: counting([2], "float32") })).toThrow(
      "x has type int32[2], but float32[2] is expected",
    );
  });
});

describe("files", () => {
  const path = join(folder, "weights.safetensors");
  const value = { w: counting([2, 2], "float32") };

  test("what was saved is loaded, with and without a tree to fit", () => {
    const bytes = saveSafetensors(path, value, { metadata: { a: "b" } });
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
    expect(loadSafetensors(path).metadata).toEqual({ a: "b" });
    expect(loadSafetensors(path, value).w.dataSync()).toEqual(value.w.dataSync());
    expect(readdirSync(folder)).toEqual(["weights.safetensors"]);
  });

  test("errors name the file", () => {
    const other = join(folder, "other");
    writeFileSync(other, "not a safetensors file");
    expect(() => loadSafetensors(other)).toThrow(`${other}: Not a valid safetensors file`);
    expect(() => loadSafetensors(path, { v: counting([], "bool") })).toThrow(`${path} does not fit`);
    expect(() => loadSafetensors(join(folder, "missing"))).toThrow("ENOENT");
  });

  test("a failed save leaves the old file and nothing else", () => {
    const before = readdirSync(folder);
    expect(() => saveSafetensors(path, { w: "text" })).toThrow("not a valid array");
    expect(() => saveSafetensors(join(folder, "missing", "x"), value)).toThrow("ENOENT");
    expect(loadSafetensors(path, value).w.dataSync()).toEqual(value.w.dataSync());
    expect(readdirSync(folder)).toEqual(before);
  });

  test("a path of null only encodes", () => {
    expect(saveSafetensors(null, value)).toEqual(encodeSafetensors(value));
  });

  test("browsers have no files", () => {
    expect(inBrowser).toBeUndefined();
  });
});
