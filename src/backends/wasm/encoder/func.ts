import type { Bytes } from "../../../util/bytes.ts";
import { ByteWriter, EncodeError } from "./bytes.ts";
import { ControlStack, type Label, type LabelKind } from "./control.ts";
import { LocalTable } from "./locals.ts";
import {
  ATOMIC_OPS,
  type AtomicName,
  LANE_OPS,
  type LaneName,
  type LoadLaneName,
  type LoadName,
  MEMORY_LANE_OPS,
  MEMORY_OPS,
  type StoreLaneName,
  type StoreName,
} from "./memory-opcodes.ts";
import { OPS, type OpName } from "./opcodes.ts";
import { type BlockType, type FuncType, VAL_TYPE_BYTE, type ValType } from "./types.ts";

/** Index of a function, in one space with the imported ones. */
export type FuncRef = number;
/** Index of a global. */
export type GlobalRef = number;
/** Emits the inside of a structured instruction; its label is a target for `br` until the body returns. */
export type ControlBody = (label: Label) => void;

/** Engines refuse larger bodies (WebAssembly JavaScript interface, implementation limits). */
const MAX_BODY_BYTES = 7_654_321;

/** What a body needs of the module around it. */
export interface FuncContext {
  readonly type: FuncType;
  typeIndex(type: FuncType): number;
  requireFunc(ref: FuncRef): void;
  requireGlobal(ref: GlobalRef): void;
}

/**
 * Emits one function body, instruction by instruction. Operand types are not tracked (`WebAssembly.validate` does that);
 * labels, locals, references and the range of every immediate are. Faults throw EncodeError.
 */
export class FuncBuilder {
  readonly #code: ByteWriter = new ByteWriter(256);
  readonly #control: ControlStack = new ControlStack();
  readonly #locals: LocalTable;
  readonly #context: FuncContext;

  constructor(context: FuncContext) {
    this.#context = context;
    this.#locals = new LocalTable(context.type.params);
  }

  /** Bytes of code so far. */
  get size(): number {
    return this.#code.length;
  }

  // Locals and globals

  /** A local of this type, maybe a freed one: initialise it, for only a new local is zero. */
  local(type: ValType): number {
    return this.#locals.take(type);
  }

  /** Lets `local` hand this local out again. */
  freeLocal(local: number): void {
    this.#locals.release(local);
  }

  localType(local: number): ValType {
    return this.#locals.type(local);
  }

  get(local: number): void {
    this.#localOp(0x20, local);
  }

  set(local: number): void {
    this.#localOp(0x21, local);
  }

  tee(local: number): void {
    this.#localOp(0x22, local);
  }

  globalGet(global: GlobalRef): void {
    this.#context.requireGlobal(global);
    this.#indexed(0x23, global);
  }

  globalSet(global: GlobalRef): void {
    this.#context.requireGlobal(global);
    this.#indexed(0x24, global);
  }

  // Control: with a body the instruction is closed for you, without one call `end` yourself

  block(body?: ControlBody, type?: BlockType): Label {
    return this.#structured(0x02, "block", type, body);
  }

  loop(body?: ControlBody, type?: BlockType): Label {
    return this.#structured(0x03, "loop", type, body);
  }

  /** Pops an i32; `then` runs when it is not zero, else `otherwise`. */
  if_(then?: ControlBody, otherwise?: ControlBody, type?: BlockType): Label {
    const both: ControlBody = (label) => {
      then?.(label);
      if (!otherwise) return;
      this.else_();
      otherwise(label);
    };
    return this.#structured(0x04, "if", type, then || otherwise ? both : undefined);
  }

  else_(): void {
    this.#control.enterElse();
    this.#code.u8(0x05);
  }

  /** Closes the innermost structured instruction; the function body closes itself. */
  end(): void {
    this.#control.requireOpen();
    this.#close();
  }

  /** Branches to a label, or to a relative depth where 0 is the innermost. */
  br(target: Label | number): void {
    this.#indexed(0x0c, this.#control.depth(target));
  }

  /** Pops an i32 and branches when it is not zero. */
  br_if(target: Label | number): void {
    this.#indexed(0x0d, this.#control.depth(target));
  }

  /** Pops an i32 and branches to the target it selects, past the last one to `otherwise`. */
  br_table(targets: readonly (Label | number)[], otherwise: Label | number): void {
    this.#indexed(0x0e, targets.length);
    for (const target of [...targets, otherwise]) this.#code.u32(this.#control.depth(target));
  }

  return_(): void {
    this.#code.u8(0x0f);
  }

  call(ref: FuncRef): void {
    this.#context.requireFunc(ref);
    this.#indexed(0x10, ref);
  }

  // Constants

  /** Accepts signed and unsigned readings: -2^31 to 2^32 - 1. */
  i32Const(value: number): void {
    this.#code.u8(0x41);
    this.#code.i32(value);
  }

  /** Accepts signed and unsigned readings: -2^63 to 2^64 - 1. */
  i64Const(value: bigint): void {
    this.#code.u8(0x42);
    this.#code.i64(value);
  }

  f32Const(value: number): void {
    this.#code.u8(0x43);
    this.#code.f32(value);
  }

  f64Const(value: number): void {
    this.#code.u8(0x44);
    this.#code.f64(value);
  }

  /** Sixteen bytes, or four f32 lanes. */
  v128Const(value: Uint8Array | readonly [number, number, number, number]): void {
    if (value instanceof Uint8Array && value.length !== 16) {
      throw new EncodeError(`v128Const: expected 16 bytes, got ${value.length}`);
    }
    this.#opcode(0xfd000c);
    if (value instanceof Uint8Array) this.#code.bytes(value);
    else for (const lane of value) this.#code.f32(lane);
  }

  // Plain, memory and lane instructions

  /** Any instruction of `OPS`: all that take no immediate. */
  op(name: OpName): void {
    this.#opcode(OPS[name][0]);
  }

  /** Pops an address; `offset` is added to it without wrapping. `align` in bytes is a promise, natural by default. */
  load(name: LoadName, offset = 0, align?: number): void {
    this.#memory(MEMORY_OPS[name], offset, align);
  }

  /** Pops a value and, below it, an address. `offset` and `align` as in `load`. */
  store(name: StoreName, offset = 0, align?: number): void {
    this.#memory(MEMORY_OPS[name], offset, align);
  }

  /** Pops a v128 and, below it, an address; pushes the v128 with one lane read from memory. */
  loadLane(name: LoadLaneName, lane: number, offset = 0, align?: number): void {
    this.#memoryLane(name, lane, offset, align);
  }

  /** Pops a v128 and, below it, an address; writes one lane to memory. */
  storeLane(name: StoreLaneName, lane: number, offset = 0, align?: number): void {
    this.#memoryLane(name, lane, offset, align);
  }

  /** An atomic access at natural alignment. */
  atomic(name: AtomicName, offset = 0): void {
    this.#memory(ATOMIC_OPS[name], offset, undefined);
  }

  /** Reads or replaces one lane of the v128 on the stack. */
  lane(name: LaneName, lane: number): void {
    const [opcode, , count] = LANE_OPS[name];
    this.#opcode(opcode);
    this.#laneIndex(lane, count);
  }

  /** i8x16.shuffle: result byte i is byte `lanes[i]` of the two operands laid end to end. */
  shuffle(lanes: readonly number[] | Uint8Array): void {
    if (lanes.length !== 16) throw new EncodeError(`i8x16.shuffle: expected 16 lanes, got ${lanes.length}`);
    this.#opcode(0xfd000d);
    for (const lane of lanes) this.#laneIndex(lane, 32);
  }

  /** Closes the function and returns its entry of the code section, without the size in front. */
  finish(): Bytes {
    this.#control.requireOnlyFunction();
    this.#close();
    const entry = new ByteWriter(this.#code.length + 64);
    this.#locals.write(entry);
    entry.bytes(this.#code.view());
    if (entry.length > MAX_BODY_BYTES) {
      throw new EncodeError(
        `body of ${entry.length} bytes; engines take ${MAX_BODY_BYTES}: split the function`,
      );
    }
    return entry.view();
  }

  #opcode(opcode: number): void {
    if (opcode <= 0xff) {
      this.#code.u8(opcode);
      return;
    }
    this.#code.u8(opcode >>> 16);
    this.#code.u32(opcode & 0xffff);
  }

  #indexed(opcode: number, index: number): void {
    this.#code.u8(opcode);
    this.#code.u32(index);
  }

  #localOp(opcode: number, local: number): void {
    this.#locals.type(local);
    this.#indexed(opcode, local);
  }

  #structured(opcode: number, kind: LabelKind, type: BlockType, body: ControlBody | undefined): Label {
    this.#code.u8(opcode);
    this.#blockType(type);
    const label = this.#control.push(kind);
    if (body) {
      body(label);
      this.#close(label);
    }
    return label;
  }

  #blockType(type: BlockType): void {
    if (type === undefined) this.#code.u8(0x40);
    else if (typeof type === "string") this.#code.u8(VAL_TYPE_BYTE[type]);
    else this.#code.s32(this.#context.typeIndex(type));
  }

  #close(label?: Label): void {
    this.#control.pop(label);
    this.#code.u8(0x0b);
  }

  #memory([opcode, , bytes]: readonly [number, string, number], offset: number, align = bytes): void {
    const exponent = Math.log2(align);
    if (!Number.isInteger(exponent) || exponent < 0 || align > bytes) {
      throw new EncodeError(`align ${align}: expected a power of two up to ${bytes}, the bytes accessed`);
    }
    this.#opcode(opcode);
    this.#code.u32(exponent);
    this.#code.u32(offset);
  }

  #memoryLane(name: LoadLaneName | StoreLaneName, lane: number, offset: number, align?: number): void {
    const op = MEMORY_LANE_OPS[name];
    this.#memory(op, offset, align);
    this.#laneIndex(lane, 16 / op[2]);
  }

  #laneIndex(lane: number, count: number): void {
    if (!Number.isInteger(lane) || lane < 0 || lane >= count) {
      throw new EncodeError(`lane ${lane} is not an integer in [0, ${count - 1}]`);
    }
    this.#code.u8(lane);
  }
}
