/**
 * Optimisations that are switched off by name, to measure what each of them buys. Passes ask here; who decides (the setting
 * `config.disable`) is above them and installs itself.
 */

let read: () => readonly string[] = () => [];

/** What is switched off at present. The same list for as long as nothing changes; programs are cached by it. */
export const switchedOff = (): readonly string[] => read();

export const isOn = (name: string): boolean => !read().includes(name);

/** Called by the runtime when it is loaded. */
export function installSwitches(f: () => readonly string[]): void {
  read = f;
}
