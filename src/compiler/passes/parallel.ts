/**
 * Parallel: of each nest that takes long enough, one loop is spread over threads.
 *
 *     for jc < 32 independent { for i < 8 independent { … } }   =>   for jc < 32 parallel { for i < 8 independent { … } }
 *
 *     for i < 40000 independent lanes 8 {      =>      for c < 62 parallel { for i < 640 independent lanes 8 { y[640*c + i] = … } }
 *       y[i] = f32.neg(x[i])                           for i < 320 independent lanes 8 { y[i + 39680] = … }
 *     }
 *
 * Nests inside of serial loops become parallel once per iteration of those. Which loop of a perfect nest it is, is decided by
 * the time that two and eight threads would take: an outer loop needs fewer hand-overs, a longer one is shared out more
 * evenly. Long or vectorised loops are cut into chunks, so that threads do not write to one cache line and a call pays. A loop
 * whose iterations share memory that one of them writes is not taken ({@link iterationsAreSeparate}): scratch memory exists once.
 *
 * Results do not depend on the number of threads: no sum is divided, and each element is computed as before.
 *
 * Loops that are parallel already stay as they are.
 *
 * Requires: runs last, since it asks how long things take. Ensures: parallel loops are not nested, have no lanes, at least two
 * and at most {@link MAX_EXTENT} iterations, and call no JavaScript.
 */

import { note } from "../../core/journal.ts";
import { affine } from "../ir/affine.ts";
import { describe } from "../ir/describe.ts";
import { isIndependent, isParallel } from "../ir/modes.ts";
import type { For, Program, Stmt } from "../ir/nodes.ts";
import { type Block, indexExpr, mapParts, newLoopVar, renewed, substitute } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { iterationsAreSeparate } from "./support/separate.ts";
import { Stopwatch } from "./support/time.ts";

/** Two threads must bring the time down to this share. */
const WORTHWHILE = 0.75;
/** Longer loops are cut into chunks. */
const MAX_EXTENT = 1024;
/** Chunks: as many, or as short as this. */
const CHUNKS = 64;
const CHUNK_NS = 2_000;
/** Elements of a chunk are a multiple of this: a cache line of the usual dtypes. */
const LINE = 16;

/** @param time what statements take */
export function parallel(program: Program, target: Target, time: Stopwatch = new Stopwatch(target)): Program {
  const body = new Spreading(time).block(program.body);
  return body === program.body ? program : { ...program, body };
}

/** A way to run a nest in threads. */
interface Candidate {
  /** The loop whose iterations are shared out. */
  readonly loop: For;
  /** Iterations per chunk; 1 leaves the loop as it is. */
  readonly chunk: number;
  readonly score: number;
}

export class Spreading {
  readonly #handover: number;
  readonly #time: Stopwatch;

  constructor(time: Stopwatch) {
    this.#handover = time.target.times.handover;
    this.#time = time;
  }

  block(block: Block): Block {
    const out = block.flatMap((s) => this.#statement(s));
    return out.length === block.length && out.every((s, i) => s === block[i]) ? block : out;
  }

  #statement(s: Stmt): Block {
    if (this.#time.statement(s) < this.#handover || s.kind === "reduce" || isParallel(s)) return [s];
    const found = isIndependent(s) ? this.#best(s) : undefined;
    if (found) {
      note("parallel", () => `${describe(s)}, in ${Math.floor(found.loop.extent / found.chunk)} pieces`);
      return within(s as For, found);
    }
    return s.kind === "for" && s.lanes > 1 ? [s] : [mapParts(s, { block: (b) => this.block(b) })];
  }

  #best(s: For): Candidate | undefined {
    const candidates: Candidate[] = [];
    let times = 1;
    for (let loop: For | undefined = s; loop; loop = onlyLoop(loop)) {
      candidates.push(...this.#candidate(loop, times));
      times *= loop.extent;
    }
    return candidates.sort((a, b) => a.score - b.score).find((c) => iterationsAreSeparate(c.loop));
  }

  /** The loop when it runs `times` times, if it pays. */
  #candidate(loop: For, times: number): Candidate[] {
    const total = this.#time.statement(loop);
    const chunk = loop.lanes > 1 || loop.extent > MAX_EXTENT ? chunkOf(loop, total) : 1;
    const count = Math.floor(loop.extent / chunk);
    if (count < 2) return [];
    const shared = total * ((count * chunk) / loop.extent);
    const onThreads = (n: number): number =>
      times * (this.#handover + total - shared + (shared * Math.ceil(count / n)) / count);
    if (onThreads(2) > WORTHWHILE * times * total) return [];
    return [{ loop, chunk, score: onThreads(2) + onThreads(8) }];
  }
}

/** The only statement of the body, if it is another loop of the nest. */
function onlyLoop({ body, lanes }: For): For | undefined {
  const [only] = body;
  return lanes === 1 && body.length === 1 && only && isIndependent(only) ? only : undefined;
}

/** A multiple of lanes and of a cache line, up to twice as large as it has to be when it divides the extent then. */
function chunkOf({ extent, lanes }: For, time: number): number {
  const unit = lanes % LINE === 0 ? lanes : LINE % lanes === 0 ? LINE : lanes * LINE;
  const wanted = Math.max(extent / CHUNKS, (extent * CHUNK_NS) / time);
  const least = unit * Math.ceil(wanted / unit);
  for (let chunk = least; chunk < 2 * least; chunk += unit) if (extent % chunk === 0) return chunk;
  return least;
}

/** The nest with the candidate in place of its loop. */
function within(s: For, c: Candidate): Block {
  if (s !== c.loop) return [{ ...s, body: s.body.flatMap((inner) => within(inner as For, c)) }];
  return c.chunk === 1 ? [{ ...s, mode: "parallel" }] : chunked(s, c.chunk);
}

function chunked(s: For, size: number): Block {
  const count = Math.floor(s.extent / size);
  const [outer, inner, last] = ["c", s.v.name, s.v.name].map(newLoopVar) as [For["v"], For["v"], For["v"]];
  const moved = (offset: number, ...terms: { atom: For["v"]; coeff: number }[]): Block =>
    substitute(s.body, new Map([[s.v, indexExpr(affine(offset, terms))]]));
  const body = moved(0, { atom: outer, coeff: size }, { atom: inner, coeff: 1 });
  const steps: For = { ...s, v: inner, extent: size, body };
  const rest = s.extent - count * size;
  const chunks: For = { kind: "for", v: outer, extent: count, mode: "parallel", lanes: 1, body: [steps] };
  if (rest === 0) return [chunks];
  const tail = renewed(moved(count * size, { atom: last, coeff: 1 }));
  return [chunks, { ...s, v: last, extent: rest, body: tail }];
}
