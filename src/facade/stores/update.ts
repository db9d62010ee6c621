import { BlobReader } from "../bridge/blobs.js";
import { invalid } from "../base/errors.js";
import type { KvPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { restore, snapshot } from "../values/values.js";
import type { Encoded, Snapshot } from "../values/snapshot.js";
import { isPromise } from "../base/validate.js";
import { same } from "./checked.js";

/** What is read, changed and written. */
export interface Slot {
  /** Has wasm call `change` with what is there, encoded, and write what it returns (undefined: deletes). */
  run(change: (old: Encoded | undefined) => Encoded | undefined): Promise<unknown>;
  /** What the call resolves to.
   *  @param value what was written
   *  @param done what `run` resolved to */
  result(value: Encoded | undefined, done: unknown): unknown;
}

/** One key. */
export function slotOf(port: KvPort, key: string): Slot {
  return { run: (change) => port.update(key, change), result: restore };
}

type Change = (old: unknown) => unknown;

/** The result of one run of `change`. */
type Run =
  | { readonly kind: "done"; readonly value: Encoded | undefined; done?: unknown }
  | { readonly kind: "threw"; readonly error: unknown }
  /** The new value has Blobs, whose bytes cannot be read while wasm waits. */
  | { readonly kind: "blobs"; readonly old: Encoded | undefined; readonly taken: Snapshot }
  /** There is no prepared value yet, or the old value is no longer the one it was computed from. */
  | { readonly kind: "moved"; readonly old: Encoded | undefined };

/** Reads, changes and writes one record; retries until no other write intervenes. */
export function update(handle: Handle, slot: Slot, change: Change): Promise<unknown> {
  return handle.steps(async (own) => {
    let rest: Promise<unknown> | undefined;
    const run = await attempt(handle, slot, (old) => {
      const run = applied(change, old);
      if (run.kind === "blobs") {
        const ready = filled(own, run.old, run.taken);
        rest = ready.then((ready) => exchange(own, slot, (now) => made(change, now), ready));
        handle.block(rest);
      }
      return run;
    });
    if (run.kind === "threw") throw run.error;
    return run.kind === "done" ? slot.result(run.value, run.done) : rest;
  });
}

/** Runs `step` inside an update in wasm. Any result but "done" makes wasm write nothing. */
async function attempt(
  handle: Handle,
  slot: Slot,
  step: (old: Encoded | undefined) => Run,
): Promise<Run> {
  let last: Run | undefined;
  const callback = (old: Encoded | undefined): Encoded | undefined => {
    last = handle.inside(() => step(old));
    if (last.kind === "done") return last.value;
    throw STOP;
  };
  try {
    const done = await handle.call(() => slot.run(callback));
    if (last?.kind === "done") last.done = done;
  } catch (error) {
    if (error !== STOP || last === undefined) throw error;
  }
  return last as unknown as Run;
}

/** Compared by identity, so it cannot be confused with an error that wasm throws. */
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
  if (isPromise(value)) {
    throw invalid("change must be synchronous: it returned a promise");
  }
  return value;
}

/**
 * Compare-and-set for an asynchronous `next`. Calls `next` outside of any write, and writes its result if
 * the old value is unchanged; otherwise calls `next` again. An error from `next` ends the update.
 * @param prepared a result that is already computed, with the old value it came from
 */
export async function exchange(
  handle: Handle,
  slot: Slot,
  next: (old: unknown) => unknown,
  prepared?: Prepared,
): Promise<unknown> {
  for (let ready = prepared; ; ) {
    const run = await attempt(handle, slot, (old) =>
      ready !== undefined && same(ready.old, old)
        ? { kind: "done", value: ready.value }
        : { kind: "moved", old },
    );
    if (run.kind === "done") return slot.result(run.value, run.done);
    const { old } = run as Run & { kind: "moved" };
    const value = await next(restore(old));
    const taken = value === undefined ? undefined : snapshot(value);
    ready = await filled(handle, old, taken);
  }
}

/** A new value that is ready to write, and the old value it was computed from. */
interface Prepared {
  readonly old: Encoded | undefined;
  readonly value: Encoded | undefined;
}

async function filled(handle: Handle, old: Encoded | undefined, taken: Snapshot | undefined): Promise<Prepared> {
  if (taken?.gaps !== undefined) await new BlobReader(handle.place).fill(taken);
  return { old, value: taken?.encoded };
}
