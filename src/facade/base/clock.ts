/** A source of the time of day, in milliseconds since the epoch. */
export interface Clock {
  now(): number;
}

/** The global property through which `testing.ts` sets a clock for the whole realm. */
export const CLOCK = Symbol.for("patchstore.clock");

/** The time of day. Wasm uses it too: the build substitutes it for `Date.now` in the glue. */
export const nowMs = (): number => ((globalThis as { [CLOCK]?: Clock })[CLOCK] ?? Date).now();
