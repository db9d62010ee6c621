/** What tells the time of day, milliseconds since the epoch. */
export interface Clock {
  now(): number;
}

/** Where a test puts a clock for all of its realm (`testing.ts`); it is there for no other module of the package. */
export const CLOCK = Symbol.for("patchstore.clock");

/** The time of day, for wasm, too: the build puts this in the place of its `Date.now`. */
export const nowMs = (): number => ((globalThis as { [CLOCK]?: Clock })[CLOCK] ?? Date).now();
