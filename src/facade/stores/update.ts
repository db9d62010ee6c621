import { BlobReader } from "../bridge/blobs.js";
import { sameBytes } from "../values/copy.js";
import { invalid } from "../base/errors.js";
import type { KvPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { restore, snapshot } from "../values/values.js";
import type { Encoded, Snapshot } from "../values/snapshot.js";

type Change = (old: unknown) => unknown;

/** What a run of `change` came to. */
type Run =
  | { readonly kind: "done"; readonly value: Encoded | undefined }
  | { readonly kind: "threw"; readonly error: unknown }
  /** It made Blobs, whose bytes cannot be read while wasm waits. */
  | { readonly kind: "blobs"; readonly old: Encoded | undefined; readonly taken: Snapshot }
  /** The old value is not, or no longer, the one that a prepared new one was made from. */
  | { readonly kind: "moved"; readonly old: Encoded | undefined };

/** Reads, changes and writes one key, again until nothing came in between. */
export function update(
  handle: Handle,
  port: KvPort,
  key: string,
  change: Change,
): Promise<unknown> {
  return handle.steps(async (own) => {
    let rest: Promise<unknown> | undefined;
    const run = await attempt(handle, port, key, (old) => {
      const run = applied(change, old);
      if (run.kind === "blobs") {
        const ready = filled(own, run.old, run.taken);
        rest = ready.then((ready) => exchange(own, port, key, (now) => made(change, now), ready));
        handle.block(rest);
      }
      return run;
    });
    if (run.kind === "threw") throw run.error;
    return run.kind === "done" ? restore(run.value) : rest;
  });
}

/** Runs `step` inside a write of wasm's; anything but "done" makes wasm write nothing. */
async function attempt(
  handle: Handle,
  port: KvPort,
  key: string,
  step: (old: Encoded | undefined) => Run,
): Promise<Run> {
  let last: Run | undefined;
  const callback = (old: Encoded | undefined): Encoded | undefined => {
    last = handle.inside(() => step(old));
    if (last.kind === "done") return last.value;
    throw STOP;
  };
  try {
    await handle.call(() => port.update(key, callback));
  } catch (error) {
    if (error !== STOP || last === undefined) throw error;
  }
  return last as unknown as Run;
}

/** Told apart by identity from whatever wasm throws itself. */
const STOP = { message: "the change stopped the update" };

function applied(change: Change, old: Encoded | undefined): Run {
  try {
    const value = made(change, restore(old));
    if (value === undefined) return { kind: "done", value: undefined };
    const taken = snapshot(value);
    return taken.gaps === undefined
      ? { kind: "done", value: taken.encoded }
      : { kind: "blobs", old, taken };
  } catch (error) {
    return { kind: "threw", error };
  }
}

function made(change: Change, old: unknown): unknown {
  const value = change(old);
  if (typeof (value as { then?: unknown } | null)?.then === "function") {
    throw invalid("change must be synchronous: it returned a promise");
  }
  return value;
}

/**
 * For a `next` that takes its time: it is asked outside of any write, and its value is written if
 * the old one is still there; if not, it is asked again. What it throws ends the update.
 * @param prepared what was made already, and from what
 */
export async function exchange(
  handle: Handle,
  port: KvPort,
  key: string,
  next: (old: unknown) => unknown,
  prepared?: Prepared,
): Promise<unknown> {
  for (let ready = prepared; ; ) {
    const run = await attempt(handle, port, key, (old) =>
      ready !== undefined && same(ready.old, old)
        ? { kind: "done", value: ready.value }
        : { kind: "moved", old },
    );
    if (run.kind === "done") return restore(run.value);
    const { old } = run as Run & { kind: "moved" };
    const value = await next(restore(old));
    const taken = value === undefined ? undefined : snapshot(value);
    ready = await filled(handle, old, taken);
  }
}

/** A new value that is ready to be written, and the old one that it was made from. */
interface Prepared {
  readonly old: Encoded | undefined;
  readonly value: Encoded | undefined;
}

async function filled(handle: Handle, old: Encoded | undefined, taken: Snapshot | undefined): Promise<Prepared> {
  if (taken?.gaps !== undefined) await new BlobReader(handle.place).fill(taken);
  return { old, value: taken?.encoded };
}

function same(a: Encoded | undefined, b: Encoded | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  return sameBytes(a, b);
}
