/** Tells when nobody has touched the page for a time. */

const LOOK_MS = 500;
let last = Date.now();
for (const event of ["pointerdown", "keydown"]) addEventListener(event, () => (last = Date.now()), { capture: true, passive: true });

/** Calls `left(seconds)` again and again until `limit()` seconds have gone by untouched, then `idle()`. Returns what ends it. */
export function whenIdle(limit, left, idle) {
  last = Date.now();
  const timer = setInterval(() => {
    // By the clock: the machine may have slept.
    const seconds = limit() - (Date.now() - last) / 1000;
    if (seconds > 0) return left(seconds);
    clearInterval(timer);
    idle();
  }, LOOK_MS);
  return () => clearInterval(timer);
}
