export { C_FLAGS, emitC } from "./emit.ts";
