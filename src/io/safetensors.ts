/**
 * The safetensors format: 8 bytes length of the header, the header as JSON (name → dtype, shape, offsets; and
 * `__metadata__`, a dictionary of strings), then the data, little-endian and row-major.
 * Source: https://github.com/huggingface/safetensors (format description).
 */

import { fromTyped, type NDArray } from "../core/array.ts";
import { DTYPES, type DType, dtypeOfTypedArray, type TypedArray } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { arrayLeaves } from "../lax/leaves.ts";
import * as tree from "../tree/index.ts";
import { checkOptions } from "../util/options.ts";
import { size } from "../util/shape.ts";
import { show } from "../util/text.ts";

/** Free text that travels with the arrays. */
export type Metadata = Readonly<Record<string, string>>;

/** What a file contains: arrays by name, and metadata. */
export interface Tensors {
  readonly tensors: Readonly<Record<string, NDArray>>;
  readonly metadata: Metadata;
}

const CODES: Readonly<Record<DType, string>> = {
  float32: "F32",
  float64: "F64",
  int32: "I32",
  uint32: "U32",
  int16: "I16",
  uint16: "U16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};
const DTYPE_OF: ReadonlyMap<unknown, DType> = new Map(
  (Object.entries(CODES) as [DType, string][]).map(([dtype, code]) => [code, dtype]),
);

/** The format's own limit: a longer header is not a header. */
const MAX_HEADER = 100_000_000;
const LENGTH_BYTES = 8;
const METADATA = "__metadata__";

/** The name of a leaf: its path with dots. A tree that is one leaf has the name "value". */
export const nameOf = (path: tree.Path): string =>
  tree.keystr(path, { simple: true, separator: "." }) || "value";

interface Entry {
  readonly name: string;
  readonly array: NDArray;
}

/** Leaves by name; throws where two paths print alike or a name is reserved. */
function namedLeaves(caller: string, value: unknown): Entry[] {
  const [arrays, def] = arrayLeaves(value, { where: `${caller}: the leaf ` });
  const entries = def.paths().map((path, i) => ({ name: nameOf(path), array: arrays[i]! }));
  const seen = new Set([METADATA]);
  for (const { name } of entries) {
    if (seen.has(name))
      throw new WeftValueError(
        `${caller}: the name ${JSON.stringify(name)} ${name === METADATA ? "is reserved" : "stands for two leaves"}; rename a key of the tree.`,
      );
    seen.add(name);
  }
  return entries;
}

function checkMetadata(caller: string, metadata: Metadata): void {
  if (!isObject(metadata))
    throw new WeftTypeError(`${caller}: metadata must be an object of strings, got ${show(metadata)}.`);
  for (const [key, value] of Object.entries(metadata))
    if (typeof value !== "string")
      throw new WeftTypeError(
        `${caller}: metadata[${JSON.stringify(key)}] must be a string, got ${typeof value}.`,
      );
}

/**
 * A tree of arrays in the safetensors format. Names are the paths of leaves joined by dots (`layers.0.w`).
 * @param options.metadata strings that are stored beside the arrays
 * @throws WeftTypeError for leaves that are no arrays; WeftValueError when two leaves would have one name
 * @example
 * const bytes = io.encodeSafetensors({ layers: [{ w: np.ones([2, 3]) }] }, { metadata: { step: "100" } });
 * Object.keys(io.decodeSafetensors(bytes).tensors) // => ["layers.0.w"]
 */
export const encodeSafetensors = (
  value: unknown,
  options: { readonly metadata?: Metadata } = {},
): Uint8Array => encode("io.encodeSafetensors", value, options);

/** {@link encodeSafetensors} for the function `caller`, of which errors speak. */
export function encode(
  caller: string,
  value: unknown,
  options: { readonly metadata?: Metadata },
): Uint8Array {
  const { metadata = {} } = checkOptions(caller, options, ["metadata"]);
  checkMetadata(caller, metadata);
  const entries = widestFirst(namedLeaves(caller, value));
  let end = 0;
  const header = entries.map(({ name, array: { dtype, shape, aval } }): [string, unknown] => [
    name,
    { dtype: CODES[dtype], shape, data_offsets: [end, (end += aval.byteLength)] },
  ]);
  if (Object.keys(metadata).length > 0) header.unshift([METADATA, metadata]);
  const text = paddedHeader(Object.fromEntries(header));
  const bytes = new Uint8Array(LENGTH_BYTES + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, LENGTH_BYTES);
  let at = LENGTH_BYTES + text.length;
  for (const { array } of entries) {
    const data = array.dataSync();
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** Wide types first, so that all data is aligned to its element size. */
const widestFirst = (entries: readonly Entry[]): Entry[] =>
  entries.toSorted((a, b) => DTYPES[b.array.dtype].bytes - DTYPES[a.array.dtype].bytes);

/** The header as JSON, filled up with spaces to a multiple of 8 bytes. */
function paddedHeader(header: object): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  return padded;
}

const invalid = (what: string): WeftValueError =>
  new WeftValueError(`Not a valid safetensors file: ${what}.`);

/** Where one array lies, checked against its type. */
interface Placed {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
const isObject = (x: unknown): x is Record<string, unknown> =>
  typeof x === "object" && x !== null && !Array.isArray(x);

/** The parsed header and where the data begins. */
function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; start: number } {
  if (bytes.length < LENGTH_BYTES)
    throw invalid(`it has ${bytes.length} bytes, fewer than the length of its header takes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER) throw invalid(`its header claims ${length} bytes, more than the format allows`);
  const start = LENGTH_BYTES + Number(length);
  if (start > bytes.length)
    throw invalid(`its header claims ${length} bytes, but only ${bytes.length - LENGTH_BYTES} follow`);
  const header = parseJson(bytes.subarray(LENGTH_BYTES, start));
  if (!isObject(header)) throw invalid("its header is no JSON object");
  return { header, start };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid("its header is no JSON text");
  }
}

function readEntry(name: string, entry: unknown, dataBytes: number): Placed {
  const where = `tensor ${JSON.stringify(name)}`;
  if (!isObject(entry)) throw invalid(`${where} is not described by an object`);
  const { dtype: code, shape, data_offsets: offsets } = entry;
  const dtype = DTYPE_OF.get(code);
  if (dtype === undefined)
    throw invalid(`${where} has dtype ${JSON.stringify(code)}; known are ${[...DTYPE_OF.keys()].join(", ")}`);
  if (!Array.isArray(shape) || !shape.every(isCount))
    throw invalid(`${where} has the impossible shape ${JSON.stringify(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw invalid(`${where} has the impossible data_offsets ${JSON.stringify(offsets)}`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataBytes)
    throw invalid(`${where} lies at [${begin}, ${end}], but there are ${dataBytes} bytes of data`);
  const needed = size(shape) * DTYPES[dtype].bytes;
  if (end - begin !== needed)
    throw invalid(`${where} of type ${dtype}[${shape}] needs ${needed} bytes, but has ${end - begin}`);
  return { name, dtype, shape, begin, end };
}

/** The data must be covered without gaps and overlaps. */
function checkLayout(placed: readonly Placed[], dataBytes: number): void {
  let at = 0;
  for (const { name, begin, end } of placed.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at)
      throw invalid(
        `tensor ${JSON.stringify(name)} begins at byte ${begin} of the data, ${begin < at ? "inside of" : "with a gap after"} the one before, which ends at ${at}`,
      );
    at = end;
  }
  if (at !== dataBytes) throw invalid(`its tensors end at byte ${at} of ${dataBytes} bytes of data`);
}

function readMetadata(header: Record<string, unknown>): Metadata {
  const metadata = header[METADATA] ?? {};
  if (!isObject(metadata) || !Object.values(metadata).every((v) => typeof v === "string"))
    throw invalid(`${METADATA} is not a dictionary of strings`);
  return metadata as Metadata;
}

/** Elements of a stretch of the data; copied, because it may be unaligned. */
function readData(bytes: Uint8Array, { dtype, begin, end }: Placed): TypedArray {
  // Not `slice`, which would not copy a Node buffer.
  const copy = new Uint8Array(bytes.subarray(begin, end));
  const clean = dtype === "bool" ? copy.map((b) => Number(b !== 0)) : copy;
  return new DTYPES[dtype].array(clean.buffer);
}

/**
 * The arrays and metadata in bytes of the safetensors format.
 * @returns arrays by their names; `fitTree` makes them a tree again
 * @throws WeftValueError for anything that is not a valid file, saying what is wrong; WeftTypeError unless bytes
 *   are a Uint8Array
 * @example
 * const bytes = io.encodeSafetensors({ w: np.array([1, 2]) }, { metadata: { step: "100" } });
 * io.decodeSafetensors(bytes) // => { tensors: { w: [1, 2] }, metadata: { step: "100" } }
 */
export function decodeSafetensors(bytes: Uint8Array): Tensors {
  if (!ArrayBuffer.isView(bytes) || dtypeOfTypedArray(bytes) !== "uint8")
    throw new WeftTypeError(`io.decodeSafetensors: bytes must be a Uint8Array, got ${show(bytes)}.`);
  const { header, start } = readHeader(bytes);
  const data = bytes.subarray(start);
  const metadata = readMetadata(header);
  const placed = Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, entry]) => readEntry(name, entry, data.length));
  checkLayout(placed, data.length);
  const tensors = Object.fromEntries(
    placed.map((p) => [p.name, fromTyped(readData(data, p), p.shape, p.dtype)]),
  );
  return { tensors, metadata };
}
