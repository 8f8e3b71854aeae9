export { C_FLAGS, type CText, type Division, emitC, emitFunction, HEAD } from "./emit.ts";
