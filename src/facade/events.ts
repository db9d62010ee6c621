import { invalid } from "./base/errors.js";
import type { PatchEvents, Scope } from "./base/types.js";
import { tell } from "./stores/watch.js";

type Listener = (event: never) => void;

/** The event listeners of one handle. */
export class Events {
  readonly #listeners: { readonly [E in keyof PatchEvents]: Set<{ call: Listener }> } = {
    change: new Set(),
    closed: new Set(),
    quota: new Set(),
  };

  add<E extends keyof PatchEvents>(event: E, call: (e: PatchEvents[E]) => void): () => void {
    if (!Object.hasOwn(this.#listeners, event)) {
      throw invalid(
        `there is no event ${JSON.stringify(event)}; the events are ${Object.keys(this.#listeners).join(", ")}`,
      );
    }
    // Wrapped, so that a function added twice is called twice.
    const entry = { call: call as Listener };
    this.#listeners[event].add(entry);
    return () => void this.#listeners[event].delete(entry);
  }

  emit<E extends keyof PatchEvents>(event: E, value: PatchEvents[E]): void {
    for (const entry of [...this.#listeners[event]]) {
      if (this.#listeners[event].has(entry)) tell(entry.call as (e: PatchEvents[E]) => void, value);
    }
  }

  hears(event: keyof PatchEvents): boolean {
    return this.#listeners[event].size > 0;
  }
}

/** Decodes scopes as wasm passes them: a flat list of kinds and names in alternation. */
export function scopesOf(flat: readonly string[]): Scope[] {
  const scopes: Scope[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = flat[at + 1] as string;
    scopes.push(flat[at] === "node" ? { node: name } : { name });
  }
  return scopes;
}
