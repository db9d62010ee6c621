import { nextTask } from "../base/task.js";

/** What calls weigh between two looks at the clock. */
const LOOK_WEIGHT = 256;
/** How long the calls of one task may take before one of them waits for the next. */
const TASK_MS = 12;

let weight = 0;
let sinceMs = 0;
let isSameTask = false;

/**
 * Now and then, a promise that is kept in a later task, to be awaited before a call resolves. What is in memory is
 * answered at once: a caller that awaits one call after the other would keep the page for as long as it goes on.
 */
export function breath(weighs = 1): Promise<void> | undefined {
  weight += weighs;
  if (weight < LOOK_WEIGHT) return undefined;
  weight = 0;
  const nowMs = performance.now();
  if (isSameTask) return nowMs - sinceMs < TASK_MS ? undefined : nextTask();
  isSameTask = true;
  sinceMs = nowMs;
  void nextTask().then(() => (isSameTask = false));
  return undefined;
}
