export { loadSafetensors, saveSafetensors } from "./files.ts";
export { fitTree } from "./fit.ts";
export { decodeSafetensors, encodeSafetensors, type Metadata, type Tensors } from "./safetensors.ts";
