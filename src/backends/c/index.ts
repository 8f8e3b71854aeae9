export { C_FLAGS, emitC, emitFunction, HEAD } from "./emit.ts";
