interface Range {
  readonly address: number;
  readonly bytes: number;
}

/** Free stretches of the address space: sorted, never empty, never adjacent. */
export class Ranges {
  readonly #free: Range[] = [];

  /** Takes `bytes` from the smallest range that holds them; 0 when none does. */
  take(bytes: number): number {
    let best = -1;
    for (let i = 0; i < this.#free.length; i++) {
      const size = this.#free[i]!.bytes;
      if (size >= bytes && (best < 0 || size < this.#free[best]!.bytes)) best = i;
    }
    return best < 0 ? 0 : this.#split(best, bytes);
  }

  /** Gives a stretch back; it merges with its neighbours. */
  put(address: number, bytes: number): void {
    const at = this.#position(address);
    const before = this.#free[at - 1];
    const after = this.#free[at];
    const joinsBefore = before !== undefined && before.address + before.bytes === address;
    const joinsAfter = after !== undefined && address + bytes === after.address;
    const start = joinsBefore ? before.address : address;
    const end = joinsAfter ? after.address + after.bytes : address + bytes;
    this.#free.splice(at - (joinsBefore ? 1 : 0), (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), {
      address: start,
      bytes: end - start,
    });
  }

  /** Size of the free range that ends at `end`, else 0: what growth need not add. */
  tail(end: number): number {
    const last = this.#free.at(-1);
    return last && last.address + last.bytes === end ? last.bytes : 0;
  }

  #split(i: number, bytes: number): number {
    const range = this.#free[i]!;
    const rest = { address: range.address + bytes, bytes: range.bytes - bytes };
    this.#free.splice(i, 1, ...(rest.bytes > 0 ? [rest] : []));
    return range.address;
  }

  /** Where a range that starts at `address` belongs. */
  #position(address: number): number {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#free[middle]!.address < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
