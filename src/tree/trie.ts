/**
 * A trie over sequences of keys compared by identity: the interning table of tree definitions.
 *
 * The step taken last is remembered outside the map, so that walking the same sequence again, which is what a hot loop
 * does, is one comparison per key. A map is made only where a second branch appears.
 */
export class Trie<Key, Value> {
  readonly #parent: Trie<Key, Value> | null;
  readonly #key: Key | undefined;
  readonly #depth: number;
  #recentKey: Key | undefined;
  #recent: Trie<Key, Value> | null = null;
  #branches: Map<Key, Trie<Key, Value>> | null = null;
  /** What the sequence that ends here stands for, if anything. */
  value: Value | null = null;

  constructor(parent: Trie<Key, Value> | null = null, key?: Key) {
    this.#parent = parent;
    this.#key = key;
    this.#depth = parent === null ? 0 : parent.#depth + 1;
  }

  /** The node one key further, made on first sight. */
  next(key: Key): Trie<Key, Value> {
    return this.#recent !== null && this.#recentKey === key ? this.#recent : this.#branch(key);
  }

  /** The keys from the root to here. */
  path(): Key[] {
    const keys = new Array<Key>(this.#depth);
    for (let node: Trie<Key, Value> = this; node.#parent !== null; node = node.#parent) {
      keys[node.#depth - 1] = node.#key as Key;
    }
    return keys;
  }

  #branch(key: Key): Trie<Key, Value> {
    if (this.#recent !== null) {
      this.#branches ??= new Map([[this.#recentKey as Key, this.#recent]]);
    }
    const node = this.#branches?.get(key) ?? new Trie<Key, Value>(this, key);
    this.#branches?.set(key, node);
    this.#recentKey = key;
    this.#recent = node;
    return node;
  }
}
