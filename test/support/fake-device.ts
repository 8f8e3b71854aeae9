/** A device beside the CPU: memory of its own, and programs run by the interpreter of the loop IR. */
import { interpret } from "../../src/backends/interp/index.ts";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { lowerJaxpr } from "../../src/compiler/lower/index.ts";
import { prepare } from "../../src/compiler/prepare.ts";
import { DeviceArray } from "../../src/core/array.ts";
import type { ShapedArray } from "../../src/core/aval.ts";
import type { Device, DeviceBuffer } from "../../src/core/device.ts";
import { DTYPES, type TypedArray } from "../../src/core/dtype.ts";
import { assert, DeletedArrayError, WeftValueError } from "../../src/core/errors.ts";
import type { Jaxpr } from "../../src/core/jaxpr.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray): Bytes =>
  new Uint8Array(buffer, byteOffset, byteLength).slice() as Bytes;
const typed = (bytes: Bytes, { dtype }: ShapedArray): TypedArray =>
  new DTYPES[dtype].array(bytes.slice().buffer);

/** Contents that are there, or that the device is computing. */
class FakeBuffer implements DeviceBuffer {
  readonly device: FakeDevice;
  readonly byteLength: number;
  readonly #known: boolean;
  #contents: Bytes | Promise<Bytes> | undefined;
  #end: string | undefined;

  constructor(device: FakeDevice, byteLength: number, contents: Bytes | Promise<Bytes>, known: boolean) {
    this.device = device;
    this.byteLength = byteLength;
    this.#contents = contents;
    this.#known = known;
  }

  get deleted(): boolean {
    return this.#end !== undefined;
  }
  /** Throws after `free`. */
  get contents(): Bytes | Promise<Bytes> {
    if (this.#contents === undefined) throw new DeletedArrayError(`This array was ${this.#end}.`);
    return this.#contents;
  }
  async ready(): Promise<void> {
    await this.contents;
  }
  async read(): Promise<Bytes> {
    return (await this.contents).slice();
  }
  readSync(): Bytes {
    if (!(this.contents instanceof Promise)) return this.contents.slice();
    throw new WeftValueError(`${this.device} cannot wait: read the array with \`await x.data()\`.`);
  }
  peek(): Uint8Array | undefined {
    return this.#known && this.#contents instanceof Uint8Array ? this.#contents : undefined;
  }
  free(reason: "disposed" | "donated"): void {
    this.#contents = undefined;
    this.#end ??= reason;
  }
}

export interface FakeOptions {
  readonly kind?: string;
  /** Programs end some turns of the event loop after they were called. */
  readonly later?: boolean;
  readonly lower?: (jaxpr: Jaxpr) => Program;
}

export class FakeDevice implements Device {
  readonly kind: string;
  readonly id = 0;
  readonly aliases: readonly string[] = [];
  readonly limit: number = 2 ** 32;
  /** What it was asked to do so far. */
  readonly done = { prepared: 0, put: 0, executed: 0 };
  readonly #later: boolean;
  readonly #lower: (jaxpr: Jaxpr) => Program;

  constructor({ kind = "fake", later = false, lower = (jaxpr) => lowerJaxpr(prepare(jaxpr)) }: FakeOptions) {
    this.kind = kind;
    this.#later = later;
    this.#lower = lower;
  }

  async prepare(): Promise<void> {
    this.done.prepared++;
  }

  put(data: TypedArray, type: ShapedArray): DeviceArray {
    this.done.put++;
    return this.#array(type, bytesOf(data), type.ndim === 0);
  }

  copyTo(x: DeviceArray, device: Device): DeviceArray {
    return device.put(x.dataSync(), x.aval);
  }

  execute(jaxpr: Jaxpr, args: readonly DeviceArray[], donated?: readonly boolean[]): DeviceArray[] {
    this.done.executed++;
    const program = this.#lower(jaxpr);
    const contents = args.map((x) => this.#own(x).contents);
    const run = (inputs: readonly Bytes[]): Bytes[] =>
      interpret(
        program,
        inputs.map((bytes, i) => typed(bytes, args[i]!.aval)),
      ).map(bytesOf);
    const results = this.#later ? after(contents, jaxpr.outs.length, run) : run(contents as Bytes[]);
    args.forEach((x, i) => {
      if (donated?.[i]) x.buffer.free("donated");
    });
    return jaxpr.outs.map(({ aval }, i) => this.#array(aval, results[i]!, false));
  }

  toString(): string {
    return `${this.kind}:${this.id}`;
  }

  #array(type: ShapedArray, contents: Bytes | Promise<Bytes>, known: boolean): DeviceArray {
    return new DeviceArray(type, new FakeBuffer(this, type.byteLength, contents, known));
  }

  #own({ buffer }: DeviceArray): FakeBuffer {
    assert(
      buffer instanceof FakeBuffer && buffer.device === this,
      `${this} was given another device's array.`,
    );
    return buffer;
  }
}

/** Each result of `run`, once the contents are there and some time has passed. */
function after(
  contents: readonly (Bytes | Promise<Bytes>)[],
  results: number,
  run: (inputs: Bytes[]) => Bytes[],
): Promise<Bytes>[] {
  const pause = new Promise((resolve) => setTimeout(resolve, 1));
  const all = Promise.all([Promise.all(contents), pause]).then(([inputs]) => run(inputs));
  return Array.from({ length: results }, async (_, i) => (await all)[i]!);
}
