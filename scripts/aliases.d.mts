export function aliases(
  platform: "node" | "browser",
  folder: string,
  extension: "ts" | "js",
): Record<string, string>;
