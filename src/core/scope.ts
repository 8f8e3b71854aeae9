/**
 * What holds while a function runs: the trace, the axes in scope, who listens.
 *
 * A function that throws gives it back by `finally`. What ends JavaScript from outside, as the timeout of Node's `vm` does, passes over
 * that. But no function is under way when a microtask runs, so whatever holds then was left behind, and ends.
 */
export class Scope<T> {
  readonly #outermost: T;
  #watched = false;
  current: T;

  constructor(outermost: T) {
    this.#outermost = outermost;
    this.current = outermost;
  }

  /** Runs `body` with this value. */
  with<R>(value: T, body: () => R): R {
    const saved = this.current;
    this.current = value;
    if (!this.#watched) this.#watch();
    try {
      return body();
    } finally {
      this.current = saved;
    }
  }

  /** Once for all functions until then. */
  #watch(): void {
    this.#watched = true;
    queueMicrotask(() => {
      this.#watched = false;
      this.current = this.#outermost;
    });
  }
}
