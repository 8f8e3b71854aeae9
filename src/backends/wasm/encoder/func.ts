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
import { type FuncType, VAL_TYPE_BYTE, type ValType } from "./types.ts";

/** Index of a function, in one space with the imported ones. */
export type FuncRef = number;
/** Index of a global. */
export type GlobalRef = number;
/** Emits the inside of a structured instruction; its label is a target for `br` until the body returns. */
export type ControlBody = (label: Label) => void;

/** Engines refuse larger bodies (WebAssembly JavaScript interface, implementation limits). */
const MAX_BODY_BYTES = 7_654_321;

/** What a body needs of the module around it. */
interface FuncContext {
  readonly type: FuncType;
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

  // Locals and globals

  /** A local of this type, maybe a freed one: initialise it, for only a new local is zero. */
  local(type: ValType): number {
    return this.#locals.take(type);
  }

  /** Lets `local` hand this local out again. */
  freeLocal(local: number): void {
    this.#locals.release(local);
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

  block(body?: ControlBody): Label {
    return this.#structured(0x02, "block", body);
  }

  loop(body?: ControlBody): Label {
    return this.#structured(0x03, "loop", body);
  }

  /** Pops an i32; `then` runs when it is not zero, else `otherwise`. Both leave one value of the type, if there is one. */
  if_(then: ControlBody, otherwise?: ControlBody, type?: ValType): Label {
    const both: ControlBody = (label) => {
      then(label);
      if (!otherwise) return;
      this.#code.u8(0x05);
      otherwise(label);
    };
    return this.#structured(0x04, "if", both, type);
  }

  /** Closes the innermost structured instruction; the function body closes itself. */
  end(): void {
    this.#control.requireOpen();
    this.#close();
  }

  /** Branches to a label. */
  br(target: Label): void {
    this.#indexed(0x0c, this.#control.depth(target));
  }

  /** Pops an i32 and branches when it is not zero. */
  br_if(target: Label): void {
    this.#indexed(0x0d, this.#control.depth(target));
  }

  /** Pops an i32 and branches to the target it selects, past the last one to `otherwise`. */
  br_table(targets: readonly Label[], otherwise: Label): void {
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

  v128Const(bytes: Uint8Array): void {
    if (bytes.length !== 16) throw new EncodeError(`v128Const: expected 16 bytes, got ${bytes.length}`);
    this.#opcode(0xfd000c);
    this.#code.bytes(bytes);
  }

  // Plain, memory and lane instructions

  /** Any instruction of `OPS`: all that take no immediate. */
  op(name: OpName): void {
    this.#opcode(OPS[name][0]);
  }

  /** Pops an address; `offset` is added to it without wrapping. */
  load(name: LoadName, offset = 0): void {
    this.#memory(MEMORY_OPS[name], offset);
  }

  /** Pops a value and, below it, an address. `offset` as in `load`. */
  store(name: StoreName, offset = 0): void {
    this.#memory(MEMORY_OPS[name], offset);
  }

  /** Pops a v128 and, below it, an address; pushes the v128 with one lane read from memory. */
  loadLane(name: LoadLaneName, lane: number, offset = 0): void {
    this.#memoryLane(name, lane, offset);
  }

  /** Pops a v128 and, below it, an address; writes one lane to memory. */
  storeLane(name: StoreLaneName, lane: number, offset = 0): void {
    this.#memoryLane(name, lane, offset);
  }

  /** An atomic access at natural alignment. */
  atomic(name: AtomicName, offset = 0): void {
    this.#memory(ATOMIC_OPS[name], offset);
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

  #structured(opcode: number, kind: LabelKind, body?: ControlBody, type?: ValType): Label {
    this.#code.u8(opcode);
    this.#code.u8(type ? VAL_TYPE_BYTE[type] : 0x40);
    const label = this.#control.push(kind);
    if (body) {
      body(label);
      this.#close(label);
    }
    return label;
  }

  #close(label?: Label): void {
    this.#control.pop(label);
    this.#code.u8(0x0b);
  }

  /** The alignment is a promise, that of the bytes accessed. */
  #memory([opcode, , bytes]: readonly [number, string, number], offset: number): void {
    this.#opcode(opcode);
    this.#code.u32(Math.log2(bytes));
    this.#code.u32(offset);
  }

  #memoryLane(name: LoadLaneName | StoreLaneName, lane: number, offset: number): void {
    const op = MEMORY_LANE_OPS[name];
    this.#memory(op, offset);
    this.#laneIndex(lane, 16 / op[2]);
  }

  #laneIndex(lane: number, count: number): void {
    if (!Number.isInteger(lane) || lane < 0 || lane >= count) {
      throw new EncodeError(`lane ${lane} is not an integer in [0, ${count - 1}]`);
    }
    this.#code.u8(lane);
  }
}
