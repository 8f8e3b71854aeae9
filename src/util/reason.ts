/** What went wrong, in few words: a system's error without the call and the path, which are of no interest to users. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const system = /^([A-Z][A-Z\d_]+): ([^,]+)/.exec(text);
  return system ? `${system[2]} (${system[1]})` : text;
}
