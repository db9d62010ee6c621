/**
 * For tests: a separate module (`patchstore/testing`) that the rest of the package never loads. The clock applies to
 * all patches of this page, worker or process, including those that are already open.
 */
import { CLOCK, type Clock } from "./base/clock.js";
import { invalid } from "./base/errors.js";
import { describe } from "./base/names.js";

/** The latest time value of a Date; negated, the earliest. */
const MAX_MS = 8.64e15;

/**
 * The time of day that patches use: for `_created`, `_updated` and everything else that depends on the date.
 * It does not affect timers: delays and timeouts take real time.
 */
export interface TestClock {
  /** The clock's time, in milliseconds since the epoch. */
  now(): number;
  /** Stops the clock at a time, until `move`, `set` or `reset` is called. */
  set(to: number | Date): void;
  /** Moves the clock forward, or back if `byMs` is negative. A stopped clock stays stopped; a running one runs on. */
  move(byMs: number): void;
  /** Returns to the real time. */
  reset(): void;
}

/** The time of a stopped clock; otherwise, how far a running one is ahead of the real time. */
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
