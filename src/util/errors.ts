/**
 * Errors that users cause and can mend. `InternalError` is ours: its message asks for a report.
 * Names follow `jax.errors` so that they can be searched for.
 *
 * A wrong type is a TypeError and an impossible value a RangeError to those who ask JavaScript; all are WeftErrors to those
 * who ask weft. A class has one parent, so this kinship is a mark on prototypes, which all copies of the library share.
 */
import { foldFrames, keepFrames } from "./frames.ts";
import { cut } from "./text.ts";

const MARK: unique symbol = Symbol.for("weft.error") as never;

/** No message holds a whole array or program, whatever went into it. */
const LONGEST = 1400;

/** All errors of weft are instances of it. */
export class WeftError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(cut(message, LONGEST), options);
    foldFrames(this);
  }
}
Object.defineProperty(WeftError, Symbol.hasInstance, {
  value(this: unknown, x: unknown): boolean {
    if (this !== WeftError) return Function.prototype[Symbol.hasInstance].call(this as Function, x);
    return typeof x === "object" && x !== null && MARK in x;
  },
});

/** Wrong type of argument, structure or dtype (Python's TypeError in JAX). */
export class WeftTypeError extends TypeError {
  constructor(message: string, options?: ErrorOptions) {
    super(cut(message, LONGEST), options);
    foldFrames(this);
  }
}
/** Right type, impossible value: shapes, lengths, axes (Python's ValueError in JAX). */
export class WeftValueError extends RangeError {
  constructor(message: string, options?: ErrorOptions) {
    super(cut(message, LONGEST), options);
    foldFrames(this);
  }
}

for (const { prototype } of [WeftError, WeftTypeError, WeftValueError])
  Object.defineProperty(prototype, MARK, { value: true });

/** A concrete value was needed while tracing. */
export class ConcretizationTypeError extends WeftTypeError {}
/** JavaScript control flow looked at a traced boolean. */
export class TracerBoolConversionError extends ConcretizationTypeError {}
/** A tracer was used after its trace ended. */
export class UnexpectedTracerError extends WeftTypeError {}
/** An array was used after `dispose()` or after it was donated. */
export class DeletedArrayError extends WeftError {}
/** What was asked for does not fit into memory (RESOURCE_EXHAUSTED in JAX). */
export class OutOfMemoryError extends WeftError {}
/** weft's own fault. Its trace is whole. */
export class InternalError extends WeftError {
  constructor(message: string) {
    super(`${message}\nThis is a bug in weft; please report it with the program that shows it.`);
    keepFrames(this);
  }
}

// Written out: bundlers shorten the names of classes.
const NAMED = {
  ...{ WeftError, WeftTypeError, WeftValueError, ConcretizationTypeError, TracerBoolConversionError },
  ...{ UnexpectedTracerError, DeletedArrayError, OutOfMemoryError, InternalError },
};
for (const [name, { prototype }] of Object.entries(NAMED))
  Object.defineProperty(prototype, "name", { value: name, configurable: true, writable: true });

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}
