/**
 * Machine nodes: what one statement computes, as a DAG of WebAssembly instructions. Selection builds the DAG (`select-*.ts`),
 * a {@link NodeWriter} writes it: operands first, a node that is used more than once computed once into a local.
 */
import type {
  FuncBuilder,
  FuncRef,
  LaneName,
  LoadLaneName,
  LoadName,
  OpName,
  ValType,
} from "./encoder/index.ts";
import { OPS } from "./encoder/opcodes.ts";

export interface Node {
  readonly type: ValType;
  readonly args: readonly Node[];
  /** Free to repeat: constants and reads of locals. */
  readonly leaf: boolean;
  /** The value, when it is a constant of 32 bits. */
  readonly constant: number | undefined;
  /** Writes the instruction; the operands are on the stack. */
  readonly write: (f: FuncBuilder) => void;
}

type Write = Node["write"];
export const inner = (type: ValType, args: readonly Node[], write: Write): Node => ({
  type,
  args,
  write,
  leaf: false,
  constant: undefined,
});
const leaf = (type: ValType, write: Write, constant?: number): Node => ({
  type,
  args: [],
  write,
  leaf: true,
  constant,
});

const resultOf = (signature: string): ValType => signature.slice(signature.lastIndexOf(" ") + 1) as ValType;

/** An instruction without immediates; its result type is read off the opcode table. */
export const op = (name: OpName, ...args: Node[]): Node =>
  inner(resultOf(OPS[name][1]), args, (f) => f.op(name));

export const i32 = (value: number): Node => leaf("i32", (f) => f.i32Const(value | 0), value | 0);
export const f32 = (value: number): Node => leaf("f32", (f) => f.f32Const(value), value);
export const f64 = (value: number): Node => leaf("f64", (f) => f.f64Const(value));
/** Sixteen bytes. */
export const v128 = (bytes: Uint8Array): Node => leaf("v128", (f) => f.v128Const(bytes));
export const read = (local: number, type: ValType): Node => leaf(type, (f) => f.get(local));

/** `ifTrue` when the i32 `condition` is not zero. Both are computed. */
export const select = (condition: Node, ifTrue: Node, ifFalse: Node): Node =>
  inner(ifTrue.type, [ifTrue, ifFalse, condition], (f) => f.op("select"));
export const load = (name: LoadName, address: Node, offset: number): Node =>
  inner(name.startsWith("v128") ? "v128" : (name.slice(0, 3) as ValType), [address], (f) =>
    f.load(name, offset),
  );
/** `vector` with one lane read from memory. */
export const loadLane = (
  name: LoadLaneName,
  lane: number,
  address: Node,
  offset: number,
  vector: Node,
): Node => inner("v128", [address, vector], (f) => f.loadLane(name, lane, offset));
/** `vector` with one lane replaced. */
export const replaceLane = (name: LaneName, lane: number, vector: Node, value: Node): Node =>
  inner("v128", [vector, value], (f) => f.lane(name, lane));
export const extractLane = (name: LaneName, lane: number, vector: Node, type: ValType): Node =>
  inner(type, [vector], (f) => f.lane(name, lane));
/** Byte i of the result is byte `bytes[i]` of a and b laid end to end. */
export const shuffle = (bytes: readonly number[], a: Node, b: Node = a): Node =>
  inner("v128", [a, b], (f) => f.shuffle(bytes));
export const call = (ref: FuncRef, type: ValType, ...args: Node[]): Node =>
  inner(type, args, (f) => f.call(ref));

/** `a + b`, folded when one of them is the constant 0. */
export function addAddress(a: Node, b: Node): Node {
  if (a.constant === 0) return b;
  return b.constant === 0 ? a : op("i32.add", a, b);
}
export const scaleAddress = (a: Node, k: number): Node =>
  k === 1 ? a : a.constant !== undefined ? i32(Math.imul(a.constant, k)) : op("i32.mul", a, i32(k));

/**
 * Writes the nodes of one statement. Construct it with every root that will be pushed, once per push: it counts uses, so
 * that shared nodes get a local for exactly as long as they are needed.
 */
export class NodeWriter {
  readonly #f: FuncBuilder;
  readonly #uses: Map<Node, number> = new Map();
  readonly #locals: Map<Node, number> = new Map();

  constructor(f: FuncBuilder, roots: readonly Node[]) {
    this.#f = f;
    for (const root of roots) this.#count(root);
  }

  #count(node: Node): void {
    const uses = this.#uses.get(node) ?? 0;
    this.#uses.set(node, uses + 1);
    if (uses === 0) for (const arg of node.args) this.#count(arg);
  }

  /** Leaves the value of the node on the stack. */
  push(node: Node): void {
    const local = this.#locals.get(node);
    if (local !== undefined) {
      this.#f.get(local);
      this.#release(node, local);
      return;
    }
    for (const arg of node.args) this.push(arg);
    node.write(this.#f);
    if (node.leaf || this.#uses.get(node)! < 2) return;
    const kept = this.#f.local(node.type);
    this.#f.tee(kept);
    this.#locals.set(node, kept);
    this.#release(node, kept);
  }

  #release(node: Node, local: number): void {
    const left = this.#uses.get(node)! - 1;
    this.#uses.set(node, left);
    if (left === 0) this.#f.freeLocal(local);
  }
}

/** Leaves the values of the nodes on the stack, in order. */
export function pushAll(f: FuncBuilder, nodes: readonly Node[]): void {
  const writer = new NodeWriter(f, nodes);
  for (const node of nodes) writer.push(node);
}
