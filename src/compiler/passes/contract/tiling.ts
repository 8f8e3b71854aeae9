/** The ways in which a contraction can be run. */
import type { Axis, Product } from "./axes.ts";

/** Columns `start …` of the result in `count` panels of `width` lanes, the last of which may exceed the `real` ones. */
export interface Panel {
  readonly start: number;
  readonly width: number;
  readonly count: number;
  /** Lanes that exist; below `width` in a padded panel. */
  readonly real: number;
  readonly packed: boolean;
}

/** `count` tiles of `rows` rows from `start` on. */
export interface RowRun {
  readonly start: number;
  readonly rows: number;
  readonly count: number;
}
/** `count` parts of `size` positions of an axis from `start` on. */
export interface Span {
  readonly start: number;
  readonly size: number;
  readonly count: number;
}
/** Blocks of rows, each small enough to stay in the second-level cache. */
export interface RowBlock extends Span {
  readonly runs: readonly RowRun[];
}

/**
 * Parts of k that are summed one after the other, so that panels stay in the first-level cache and no sum takes in too many
 * products before it is added to a total.
 */
export interface Depth {
  /** The axis of k that is divided; those before it are walked through position by position. */
  readonly axis: number;
  readonly spans: readonly Span[];
  /** What rounding takes from the totals is kept and added in the end. */
  readonly compensated: boolean;
}

export interface Schedule {
  /** Turned so that the lanes lie along an axis of rhs. */
  readonly product: Product;
  readonly rows: Axis;
  readonly cols: Axis;
  /** Plain loops around: batch and whatever could not be merged. */
  readonly outer: readonly Axis[];
  readonly panels: readonly Panel[];
  readonly blocks: readonly RowBlock[];
  /** The rows of a tile are copied next to each other first. */
  readonly packRows: boolean;
  /** How a sum over many k is made in parts. */
  readonly depth: Depth | undefined;
  /** The epilogue cannot run in lanes: sums go to memory first. */
  readonly spill: boolean;
  /** The epilogue is so long that it stands in a loop over the rows of a tile. */
  readonly roll: boolean;
}

/** A schedule of which it is not yet said how its tiles divide the rows and end. */
export type Tiling = Omit<Schedule, "blocks" | "roll">;
