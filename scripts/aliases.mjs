// Modules of which Node and pages have different ones, by the names under which they are imported (package.json has the same).
import { join } from "node:path";

const MODULES = {
  "#platform": (platform) => `platform/${platform}`,
  "#verifier": (platform) => `compiler/verifier-${platform}`,
  "#tiers": (platform) => `devices/cpu/tiers-${platform}`,
};

/** As Vite's aliases. `folder`: where the library is; `extension`: of its files. */
export const aliases = (platform, folder, extension) =>
  Object.fromEntries(
    Object.entries(MODULES).map(([name, path]) => [name, join(folder, `${path(platform)}.${extension}`)]),
  );
