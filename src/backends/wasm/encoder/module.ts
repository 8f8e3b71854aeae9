import type { Bytes } from "../../../util/bytes.ts";
import { ByteWriter, EncodeError } from "./bytes.ts";
import { FuncBuilder, type FuncRef, type GlobalRef } from "./func.ts";
import { type FuncType, VAL_TYPE_BYTE, type ValType, writeValTypes } from "./types.ts";

/** Size of a memory in pages of 64 KiB. A shared memory needs `max`. */
export interface MemoryLimits {
  readonly min: number;
  readonly max?: number;
  readonly shared?: boolean;
}

export interface FuncOptions {
  /** Export the function under its name. */
  readonly export?: boolean;
}

/** Emits a function body. Parameters are locals 0, 1, ... */
export type FuncBody = (f: FuncBuilder) => void;

interface Func {
  readonly name: string;
  readonly type: FuncType;
  readonly typeIndex: number;
  /** Imported functions never have one. */
  code?: Uint8Array;
}

const MAX_PAGES = 65_536;
const SECTION = {
  type: 1,
  import: 2,
  function: 3,
  global: 6,
  export: 7,
  code: 10,
} as const;
const EXTERNAL = { func: 0, memory: 2 } as const;

/** A vector whose entries are encoded as they are added. */
class EntryList {
  readonly #out: ByteWriter = new ByteWriter();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(write: (out: ByteWriter) => void): void {
    write(this.#out);
    this.#count++;
  }

  write(out: ByteWriter): void {
    out.u32(this.#count);
    out.bytes(this.#out.view());
  }
}

function writeLimits(out: ByteWriter, { min, max, shared = false }: MemoryLimits): void {
  if (shared && max === undefined) throw new EncodeError("a shared memory needs max");
  if (min > (max ?? MAX_PAGES) || (max ?? 0) > MAX_PAGES) {
    throw new EncodeError(
      `memory limits: expected min <= max <= ${MAX_PAGES} pages, got min ${min}, max ${max}`,
    );
  }
  out.u8((max === undefined ? 0 : 1) | (shared ? 2 : 0));
  out.u32(min);
  if (max !== undefined) out.u32(max);
}

function writeSection(out: ByteWriter, id: number, write: (section: ByteWriter) => void): void {
  const section = new ByteWriter(1024);
  write(section);
  out.u8(id);
  out.sized(section.view());
}

/**
 * Assembles one WebAssembly module: imports first, then functions in any order, then `finish`.
 *
 * @example
 * const module = new ModuleBuilder();
 * module.func("twice", ["f32"], ["f32"], (f) => { f.get(0); f.get(0); f.op("f32.add"); }, { export: true });
 * const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()));
 */
export class ModuleBuilder {
  readonly #name: string | undefined;
  readonly #types: EntryList = new EntryList();
  readonly #typeIndices: Map<string, number> = new Map();
  readonly #imports: EntryList = new EntryList();
  readonly #globals: EntryList = new EntryList();
  readonly #exports: EntryList = new EntryList();
  readonly #exportNames: Set<string> = new Set();
  readonly #funcs: Func[] = [];
  #importedFuncs = 0;
  #hasMemory = false;

  /** `name` shows in engines' tools. */
  constructor(name?: string) {
    this.#name = name;
  }

  /** Imports the module's only memory. */
  importMemory(module: string, name: string, limits: MemoryLimits): void {
    this.#claimMemory();
    this.#import(module, name, EXTERNAL.memory, (out) => writeLimits(out, limits));
  }

  /** Imports a function. Throws EncodeError once a function was declared: imports have the lower indices. */
  importFunc(module: string, name: string, params: readonly ValType[], results: readonly ValType[]): FuncRef {
    if (this.#funcs.length > this.#importedFuncs) {
      throw new EncodeError(
        `import ${module}.${name} comes after function ${this.#funcs.at(-1)?.name}: import first`,
      );
    }
    const ref = this.#addFunc(`${module}.${name}`, { params, results });
    this.#import(module, name, EXTERNAL.func, (out) => out.u32(this.#func(ref).typeIndex));
    return this.#importedFuncs++;
  }

  /** Creates a mutable i32, 0 at first. */
  global(): GlobalRef {
    const ref = this.#globals.count;
    // i32, mutable, i32.const 0, end
    this.#globals.add((out) => out.bytes(Uint8Array.of(VAL_TYPE_BYTE.i32, 1, 0x41, 0, 0x0b)));
    return ref;
  }

  /** Reserves an index for a function, so that bodies may call it before `define` gives it its own. */
  declare(
    name: string,
    params: readonly ValType[],
    results: readonly ValType[],
    options: FuncOptions = {},
  ): FuncRef {
    const ref = this.#addFunc(name, { params, results });
    if (options.export) this.#export(name, ref);
    return ref;
  }

  /** Gives a declared function its body. Faults in the body are rethrown with the function's name in front. */
  define(ref: FuncRef, body: FuncBody): void {
    const func = this.#func(ref);
    if (ref < this.#importedFuncs)
      throw new EncodeError(`function ${func.name} is imported and takes no body`);
    if (func.code) throw new EncodeError(`function ${func.name} is defined twice`);
    func.code = this.#encodeBody(func, body);
  }

  /** `declare` and `define` in one step. */
  func(
    name: string,
    params: readonly ValType[],
    results: readonly ValType[],
    body: FuncBody,
    options: FuncOptions = {},
  ): FuncRef {
    const ref = this.declare(name, params, results, options);
    this.define(ref, body);
    return ref;
  }

  /** The module's bytes. Throws EncodeError when a declared function has no body. */
  finish(): Bytes {
    const defined = this.#funcs.slice(this.#importedFuncs);
    const out = new ByteWriter(4096);
    out.bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    this.#entrySection(out, SECTION.type, this.#types);
    this.#entrySection(out, SECTION.import, this.#imports);
    writeSection(out, SECTION.function, (section) => {
      section.u32(defined.length);
      for (const func of defined) section.u32(func.typeIndex);
    });
    this.#entrySection(out, SECTION.global, this.#globals);
    this.#entrySection(out, SECTION.export, this.#exports);
    writeSection(out, SECTION.code, (section) => writeCode(section, defined));
    writeSection(out, 0, (section) => writeNames(section, this.#name, this.#funcs));
    return out.view().slice();
  }

  #entrySection(out: ByteWriter, id: number, entries: EntryList): void {
    if (entries.count > 0) writeSection(out, id, (section) => entries.write(section));
  }

  #claimMemory(): void {
    if (this.#hasMemory) throw new EncodeError("the module already has a memory");
    this.#hasMemory = true;
  }

  #import(module: string, name: string, kind: number, writeType: (out: ByteWriter) => void): void {
    this.#imports.add((out) => {
      out.name(module);
      out.name(name);
      out.u8(kind);
      writeType(out);
    });
  }

  #export(name: string, func: FuncRef): void {
    if (this.#exportNames.has(name)) throw new EncodeError(`export name ${name} is taken`);
    this.#exportNames.add(name);
    this.#exports.add((out) => {
      out.name(name);
      out.u8(EXTERNAL.func);
      out.u32(func);
    });
  }

  #addFunc(name: string, type: FuncType): FuncRef {
    return this.#funcs.push({ name, type, typeIndex: this.#typeIndex(type) }) - 1;
  }

  #func(ref: FuncRef): Func {
    const func = this.#funcs[ref];
    if (!func) throw new EncodeError(`unknown function ${ref}; there are ${this.#funcs.length}`);
    return func;
  }

  #typeIndex(type: FuncType): number {
    const key = `${type.params.join()}>${type.results.join()}`;
    const known = this.#typeIndices.get(key);
    if (known !== undefined) return known;
    const index = this.#types.count;
    this.#typeIndices.set(key, index);
    this.#types.add((out) => {
      out.u8(0x60);
      writeValTypes(out, type.params);
      writeValTypes(out, type.results);
    });
    return index;
  }

  #encodeBody(func: Func, body: FuncBody): Uint8Array {
    const builder = new FuncBuilder({
      type: func.type,
      requireFunc: (ref) => void this.#func(ref),
      requireGlobal: (ref) => {
        if (!(ref < this.#globals.count)) throw new EncodeError(`unknown global ${ref}`);
      },
    });
    try {
      body(builder);
      return builder.finish();
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error;
      throw new EncodeError(`function ${func.name}: ${error.message}`, { cause: error });
    }
  }
}

function writeCode(out: ByteWriter, funcs: readonly Func[]): void {
  out.u32(funcs.length);
  for (const { name, code } of funcs) {
    if (!code) throw new EncodeError(`function ${name} is declared but never defined`);
    out.sized(code);
  }
}

/** The custom section "name": subsection 0 names the module, subsection 1 the functions. */
function writeNames(out: ByteWriter, moduleName: string | undefined, funcs: readonly Func[]): void {
  out.name("name");
  if (moduleName !== undefined) writeSection(out, 0, (names) => names.name(moduleName));
  writeSection(out, 1, (names) => {
    names.u32(funcs.length);
    for (const [index, func] of funcs.entries()) {
      names.u32(index);
      names.name(func.name);
    }
  });
}
