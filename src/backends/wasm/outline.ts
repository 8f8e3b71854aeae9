/**
 * Which parts of a program become functions ("kernels"). An engine replaces slow first code by optimised code only at the
 * next call of a function, so what runs long has to be many calls: a loop with much work in an iteration stays outside
 * and calls, for each nest of its body, a function. A loop with little work in an iteration goes into a function whole.
 * Parallel loops are functions of their own, with functions inside.
 */
import { isParallel, isSerial } from "../../compiler/ir/modes.ts";
import type { Expr, For, Local, Stmt } from "../../compiler/ir/nodes.ts";
import {
  atomsOf,
  type Block,
  blocksOf,
  declaredBy,
  effects,
  freeAtoms,
  mapParts,
} from "../../compiler/ir/visit.ts";
import type { Kernel, Kernels } from "./walk.ts";
import { blockWork, statementWork, type WorkLimits } from "./work.ts";

interface Outlined {
  readonly body: Block;
  readonly kernels: Kernels;
}

export function outline(body: Block, limits: WorkLimits): Outlined {
  const kernels = new Map<Stmt, Kernel>();
  return { body: new Outliner(kernels, limits).block(body, []), kernels };
}

/** Stays outside of functions, and has functions inside. */
function isDriver(s: Stmt, limits: WorkLimits): boolean {
  if (s.kind === "host" || staysOutside(s)) return true;
  if (s.kind === "for" && s.lanes === 1) {
    const enough = blockWork(s.body) >= limits.call;
    return enough && (isSerial(s) || statementWork(s) >= limits.long);
  }
  if (s.kind === "while") return blockWork(s.body) + blockWork(s.head) >= limits.call;
  return s.kind === "switch" && statementWork(s) >= limits.call;
}

/** Whether something inside must not be inside of a function: a call of JavaScript, a parallel loop. */
const staysOutside = (s: Stmt): boolean =>
  blocksOf(s).some((block) =>
    block.some((inner) => inner.kind === "host" || isParallel(inner) || staysOutside(inner)),
  );

class Outliner {
  readonly #kernels: Map<Stmt, Kernel>;
  readonly #limits: WorkLimits;

  constructor(kernels: Map<Stmt, Kernel>, limits: WorkLimits) {
    this.#kernels = kernels;
    this.#limits = limits;
  }

  /** `later`: what is evaluated after the block in the scope of its locals. */
  block(block: Block, later: readonly (Expr | Block)[]): Block {
    const out: Stmt[] = [];
    let group: Stmt[] = [];
    const flush = (next: number): void => {
      if (group.length > 0) out.push(...this.#group(group, [block.slice(next), ...later]));
      group = [];
    };
    for (const [i, s] of block.entries()) {
      const driver = isParallel(s) || isDriver(s, this.#limits);
      if (driver || blockWork(group) + statementWork(s) > this.#limits.call) flush(i);
      if (driver) out.push(this.#driver(s));
      else group.push(s);
    }
    flush(block.length);
    return out;
  }

  #driver(s: Stmt): Stmt {
    if (isParallel(s)) return this.#parallel(s);
    if (s.kind !== "while") return mapParts(s, { block: (b) => this.block(b, []) });
    return { ...s, head: this.block(s.head, [s.cond, s.body]), body: this.block(s.body, []) };
  }

  #parallel(s: For): Stmt {
    const loop: For = { ...s, body: this.block(s.body, []) };
    return this.#kernel({ body: [loop], results: [], loop });
  }

  /** What stands where the kernel is called. */
  #kernel(kernel: Omit<Kernel, "name">): Stmt {
    const index = { op: "const", dtype: "int32", value: 0 } as const;
    const place: Stmt = { kind: "switch", index, branches: [kernel.body] };
    this.#kernels.set(place, { ...kernel, name: `kernel${this.#kernels.size}` });
    return place;
  }

  #group(group: Block, later: readonly (Expr | Block)[]): Block {
    const hasLoop = group.some((s) => blocksOf(s).length > 0);
    if (!hasLoop && blockWork(group) <= this.#limits.trivial) return group;
    return [this.#kernel({ body: group, results: resultsOf(group, later) })];
  }
}

/** Locals that a group leaves behind: those it declares and others read, and those of others that it assigns. */
function resultsOf(group: Block, later: readonly (Expr | Block)[]): Local[] {
  const declared = group.flatMap(declaredBy).filter((atom) => atom.kind === "local");
  const uses = declared.length > 0 ? new Set(later.flatMap((x) => [...usedIn(x)])) : new Set();
  const free = freeAtoms(group);
  const assigned = [...effects(group).assigns].filter((local) => free.has(local));
  return [...new Set([...declared.filter((local) => uses.has(local)), ...assigned])];
}

const usedIn = (x: Expr | Block): Iterable<unknown> => ("op" in x ? atomsOf(x) : freeAtoms(x));
