import { invalid } from "../base/errors.js";
import { describe } from "../base/names.js";
import { known } from "../base/options.js";
import type { KvPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";

/** When what is stored now expires, as wasm takes it: ms since the epoch, 0 where that has passed, else Infinity. */
export function untilOf(handle: Handle, port: KvPort, what: string, expiry: object | undefined): number {
  const { ttl, expires } = known<{ ttl?: unknown; expires?: unknown }>(what, expiry, ["ttl", "expires"]);
  if (ttl !== undefined && expires !== undefined) throw invalid(`${what} takes ttl or expires, not both`);
  const ms = ttl === undefined ? expires : ttl;
  if (ms === undefined) return Infinity;
  if (typeof ms !== "number") throw invalid(`${what} takes milliseconds, not ${describe(ms)}`);
  return handle.now(() => port.until(ms, ttl !== undefined));
}

/** The time to live that a call gives: ms from now; undefined for good. */
export function ttlOf(what: string, options: object | undefined): number | undefined {
  const { ttl } = known<{ ttl?: unknown }>(what, options, ["ttl"]);
  if (ttl === undefined || (typeof ttl === "number" && ttl > 0 && ttl < Infinity)) return ttl;
  throw invalid(`${what}.ttl must be a finite number of milliseconds above 0`);
}
