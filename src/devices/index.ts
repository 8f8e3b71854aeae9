/** The devices of this process, installed when this is loaded, and the settings of the library. */
import { env } from "#platform";
import { installDevice } from "../core/device.ts";
import { installSwitches } from "../core/switches.ts";
import { setFolding } from "../util/frames.ts";
import { settings } from "./config.ts";
import { cpu } from "./cpu/index.ts";

export { type Config, config, type PassName, type Tier } from "./config.ts";
export {
  clearCaches,
  type Executable,
  type Executor,
  executors,
  explainProgram,
  inspectProgram,
  loopsText,
  type MemoryStats,
  memoryStats,
  nativeText,
  type ProgramFacts,
  type ProgramReport,
  type Runtime,
  setExecutor,
} from "./cpu/index.ts";

installDevice(cpu);
installSwitches(() => settings.disable);
setFolding(!env("WEFT_DEBUG"));
