export { C_FLAGS, type CText, emitC, emitFunction, HEAD } from "./emit.ts";
