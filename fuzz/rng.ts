/** Random numbers that are the same everywhere for the same seed (splitmix32). */
export class Rng {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  }

  /** From lo to hi, both included. */
  int(lo: number, hi: number): number {
    return lo + Math.floor(this.next() * (hi - lo + 1));
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)]!;
  }

  weighted<T>(list: readonly T[], weight: (x: T) => number): T {
    let left = this.next() * list.reduce((sum, x) => sum + weight(x), 0);
    return list.find((x) => (left -= weight(x)) < 0) ?? list[list.length - 1]!;
  }

  shuffled<T>(list: readonly T[]): T[] {
    return list
      .map((x) => [this.next(), x] as const)
      .sort(([a], [b]) => a - b)
      .map(([, x]) => x);
  }

  /** A generator for one of many programs. */
  static of(seed: number, index: number): Rng {
    return new Rng(Math.imul(seed ^ 0x5bd1e995, 0x01000193) ^ Math.imul(index + 1, 0x9e3779b1));
  }
}
