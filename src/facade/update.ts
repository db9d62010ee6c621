import { invalid } from "./errors.js";
import type { KvPort } from "./glue.js";
import type { Handle } from "./handle.js";
import { fill, restore, snapshot, type Encoded, type Snapshot } from "./values.js";

type Change = (old: unknown) => unknown;

/** What a run of `change` came to. */
type Run =
  | { readonly kind: "done"; readonly value: Encoded | undefined }
  | { readonly kind: "threw"; readonly error: unknown }
  /** It made Blobs, whose bytes cannot be read while wasm waits. */
  | { readonly kind: "blobs"; readonly old: Encoded | undefined; readonly taken: Snapshot }
  /** The old value is no longer the one that the prepared new one was made from. */
  | { readonly kind: "moved" };

/** Reads, changes and writes one key, again until nothing came in between. */
export async function update(
  handle: Handle,
  port: KvPort,
  key: string,
  change: Change,
): Promise<unknown> {
  const run = await attempt(handle, port, key, (old) => applied(change, old));
  switch (run.kind) {
    case "done":
      return restore(run.value);
    case "blobs":
      return withBlobs(handle, port, key, change, run);
    case "threw":
      throw run.error;
    case "moved":
      throw new Error("only a prepared update can find the value moved");
  }
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
    const value = change(restore(old));
    if (value === undefined) return { kind: "done", value: undefined };
    if (typeof (value as { then?: unknown } | null)?.then === "function") {
      throw invalid("change must be synchronous: it returned a promise");
    }
    const taken = snapshot(value);
    return taken.gaps === undefined
      ? { kind: "done", value: taken.encoded }
      : { kind: "blobs", old, taken };
  } catch (error) {
    return { kind: "threw", error };
  }
}

/** With Blobs: the new value is made ready first, and written if the old one is still there. */
async function withBlobs(
  handle: Handle,
  port: KvPort,
  key: string,
  change: Change,
  first: Run & { kind: "blobs" },
): Promise<unknown> {
  let { old, taken } = first;
  for (;;) {
    await fill(taken.encoded, taken.gaps ?? []);
    const prepared = { old, value: taken.encoded };
    const run = await attempt(handle, port, key, (now) => {
      if (same(prepared.old, now)) return { kind: "done", value: prepared.value };
      return applied(change, now);
    });
    if (run.kind === "done") return restore(run.value);
    if (run.kind === "threw") throw run.error;
    if (run.kind === "blobs") ({ old, taken } = run);
  }
}

function same(a: Encoded | undefined, b: Encoded | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
