/**
 * Sizes of blocks: powers of two with four steps between, in units of 64 bytes, so that a block wastes at most a
 * quarter of its request (beyond the rounding to 64).
 */

/** Every address and every size of a block is a multiple of this (a cache line). */
export const ALIGN = 64;
/** Larger blocks are cut to measure from ranges of free memory instead. */
export const LARGEST_CLASS: number = 1 << 20;
const BIG_STEP = 4096;

const classShift = (last: number): number => Math.max(0, 29 - Math.clz32(last));
/** Index of the last unit that a block of so many bytes needs. */
const lastUnit = (bytes: number): number => (bytes <= ALIGN ? 0 : Math.ceil(bytes / ALIGN) - 1);

/** The number of the class that holds blocks of `bytes` <= LARGEST_CLASS. */
export function classOf(bytes: number): number {
  const last = lastUnit(bytes);
  const shift = classShift(last);
  return (last >>> shift) + 4 * shift;
}

/** The inverse of {@link classOf}: the size of the blocks of a class. */
export function sizeOfClass(index: number): number {
  const shift = Math.max(0, (index >> 2) - 1);
  return ((index - 4 * shift + 1) << shift) * ALIGN;
}

/** The size of the block that a request for `bytes` gets. */
export const blockSize = (bytes: number): number =>
  bytes > LARGEST_CLASS ? Math.ceil(bytes / BIG_STEP) * BIG_STEP : sizeOfClass(classOf(bytes));

export const CLASSES: number = classOf(LARGEST_CLASS) + 1;
