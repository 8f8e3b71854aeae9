/**
 * Errors that users cause and can mend. `InternalError` is ours: its message asks for a report.
 * Names follow `jax.errors` so that they can be searched for.
 */
export class WeftError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** Wrong type of argument, structure or dtype (Python's TypeError in JAX). */
export class WeftTypeError extends WeftError {}
/** Right type, impossible value: shapes, lengths, axes (Python's ValueError in JAX). */
export class WeftValueError extends WeftError {}
/** A concrete value was needed while tracing. */
export class ConcretizationTypeError extends WeftTypeError {}
/** JavaScript control flow looked at a traced boolean. */
export class TracerBoolConversionError extends ConcretizationTypeError {}
/** A tracer was used after its trace ended. */
export class UnexpectedTracerError extends WeftTypeError {}
/** An array was used after `dispose()` or after it was donated. */
export class DeletedArrayError extends WeftError {}
/** weft's own fault. */
export class InternalError extends WeftError {
  constructor(message: string) {
    super(`${message}\nThis is a bug in weft; please report it with the program that shows it.`);
  }
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}
