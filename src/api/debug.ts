/** The public `debug` namespace. */
export { type CallbackOptions, callback, print } from "../lax/control/debug.ts";
