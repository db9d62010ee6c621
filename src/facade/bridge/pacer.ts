import { nextTask } from "../base/task.js";

/** The weight of the calls between two readings of the clock. */
const LOOK_WEIGHT = 256;
/** How long the calls of one task may take before one of them waits for the next task. */
const TASK_MS = 12;

let weight = 0;
let sinceMs = 0;
let isSameTask = false;
/** What calls wait for that come later in a task than TASK_MS: one message for all of them. */
let rest: Promise<void> | undefined;

/**
 * Occasionally returns a promise that resolves in a later task; await it before the call resolves. Calls that need
 * only memory resolve at once, so a caller that awaits one after the other would otherwise block the page.
 */
export function breath(weighs = 1): Promise<void> | undefined {
  weight += weighs;
  if (weight < LOOK_WEIGHT) return undefined;
  weight = 0;
  const nowMs = performance.now();
  if (isSameTask) return nowMs - sinceMs < TASK_MS ? undefined : (rest ??= nextTask().then(() => (rest = undefined)));
  isSameTask = true;
  sinceMs = nowMs;
  void nextTask().then(() => (isSameTask = false));
  return undefined;
}
