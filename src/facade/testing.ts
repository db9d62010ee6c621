/**
 * For tests: a module of its own (`patchstore/testing`), which nothing of the package loads. The clock holds for all
 * patches of this page, worker or process, whenever they were opened.
 */
import { CLOCK, type Clock } from "./base/clock.js";
import { invalid } from "./base/errors.js";
import { describe } from "./base/names.js";

/** The last moment that a Date can be of, and the first, if negative. */
const MAX_MS = 8.64e15;

/**
 * The time of day as patches take it: what `_created` and `_updated` say, and all else that is told or kept by time.
 * Timers are not moved by it: what waits, waits as long as it takes.
 */
export interface TestClock {
  /** What it says, milliseconds since the epoch. */
  now(): number;
  /** Makes it stand still at a moment, until it is moved, set elsewhere or reset. */
  set(to: number | Date): void;
  /** Moves it on, or back if negative. If it stands still, it stands still there; if not, it goes on from there. */
  move(byMs: number): void;
  /** From now on it tells the real time. */
  reset(): void;
}

/** Where it stands still, and else how far it is ahead of the real time. */
let still: number | undefined;
let aheadMs = 0;

const told: Clock = { now: () => still ?? Date.now() + aheadMs };

export const clock: TestClock = {
  now: () => (globalThis as { [CLOCK]?: Clock })[CLOCK]?.now() ?? Date.now(),
  set(to) {
    turn(moment(typeof to === "number" ? to : (to as Partial<Date> | null)?.getTime?.()), 0);
  },
  move(byMs) {
    const at = moment(clock.now() + whole(byMs));
    if (still === undefined) turn(undefined, at - Date.now());
    else turn(at, 0);
  },
  reset() {
    [still, aheadMs] = [undefined, 0];
    delete (globalThis as { [CLOCK]?: Clock })[CLOCK];
  },
};

function turn(to: number | undefined, by: number): void {
  [still, aheadMs] = [to, by];
  (globalThis as { [CLOCK]?: Clock })[CLOCK] = told;
}

function whole(ms: unknown): number {
  if (!Number.isInteger(ms)) throw invalid(`the clock moves by whole milliseconds, not ${describe(ms)}`);
  return ms as number;
}

function moment(ms: unknown): number {
  if (Number.isInteger(ms) && Math.abs(ms as number) <= MAX_MS) return ms as number;
  throw invalid("the clock can be set to a valid Date, or to whole milliseconds since the epoch");
}
