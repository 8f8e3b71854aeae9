/** Declarations that a translation unit needs, each written once, when it is first asked for. */
export class Prelude {
  readonly #known: Set<string> = new Set();
  readonly #lines: string[] = [];

  /** The name, which `text` declares. What `text` asks for in turn stands before it. */
  need(name: string, text: () => string): string {
    if (this.#known.has(name)) return name;
    this.#known.add(name);
    const line = text();
    this.#lines.push(line);
    return name;
  }

  toString(): string {
    return this.#lines.join("\n");
  }
}
