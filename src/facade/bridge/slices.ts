import { BlobReader } from "./blobs.js";
import type { Handle } from "./handle.js";
import { Tally } from "../base/limits.js";
import { nextTask } from "../base/task.js";
import type { Snapshot } from "../values/snapshot.js";

/** How much of a batch is read during the call. The rest is read in slices of this size, each in a task of its own. */
const SLICE_ITEMS = 1000;
const SLICE_UNITS = 1024 * 1024;

/** One item of a batch. `key` is encoded for wasm. */
export interface Row extends Snapshot {
  readonly key?: string;
  /** The same of an item that has several. */
  readonly keys?: readonly string[];
  /** When it expires, if it does. */
  readonly until?: number;
  /** A value that is not there yet, in the place of this one. */
  readonly later?: Promise<Snapshot>;
}

/** A batch that accumulates in wasm until it is committed. */
export interface BatchPort {
  /** Adds `count` rows. `lines` holds their JSON texts joined by newlines; the texts at the positions
   *  `exactAt` are empty, and `exact` holds the exact forms of those rows. `until` is when they expire, if any does. */
  push(
    keys: string[],
    lines: string,
    exactAt: Uint32Array,
    exact: Uint8Array[],
    count: number,
    until: Float64Array | undefined,
  ): void;
  free(): void;
}

interface Slice {
  readonly rows: Row[];
  readonly last: boolean;
}

/**
 * Reads `rows` (the first slice before this returns), then commits the batch.
 * If a row cannot be encoded or the iterable throws, nothing is written.
 */
export function sendRows<T>(
  handle: Handle,
  rows: Generator<Row>,
  batch: BatchPort,
  commit: () => Promise<T>,
): T | Promise<T> {
  try {
    const tally = new Tally("a batch takes");
    const first = readSlice(rows, tally);
    if (first.last && first.rows.every((row) => row.gaps === undefined && row.later === undefined)) {
      return handle.call(() => {
        pushRows(batch, first.rows);
        return commit();
      });
    }
    const ready = pushAll(new BlobReader(handle.place), batch, rows, first, tally);
    ready.catch(() => batch.free());
    return handle.hold(ready, commit);
  } catch (error) {
    batch.free();
    throw error;
  }
}

async function pushAll(
  blobs: BlobReader,
  batch: BatchPort,
  rows: Generator<Row>,
  first: Slice,
  tally: Tally,
): Promise<void> {
  let slice = first;
  for (;;) {
    try {
      for (const row of slice.rows) {
        if (row.later !== undefined) row.encoded = (await row.later).encoded;
        else if (row.gaps !== undefined) await blobs.fill(row);
      }
      pushRows(batch, slice.rows);
    } catch (error) {
      rows.return(undefined);
      throw error;
    }
    if (slice.last) return;
    await nextTask();
    slice = readSlice(rows, tally);
  }
}

function readSlice(rows: Generator<Row>, tally: Tally): Slice {
  const read: Row[] = [];
  let units = 0;
  while (read.length < SLICE_ITEMS && units < SLICE_UNITS) {
    const { done, value } = rows.next();
    if (done) return { rows: read, last: true };
    try {
      tally.add(value.encoded.length + (value.key?.length ?? value.keys?.join("").length ?? 0));
    } catch (error) {
      rows.return(undefined);
      throw error;
    }
    read.push(value);
    units += value.encoded.length;
  }
  return { rows: read, last: false };
}

/** Adds rows whose Blobs have been read. */
export function pushRows(batch: BatchPort, rows: readonly Row[]): void {
  const keys: string[] = [];
  const lines: string[] = [];
  const exactAt: number[] = [];
  const exact: Uint8Array[] = [];
  rows.forEach(({ key, keys: several, encoded }: Row, at) => {
    if (key !== undefined) keys.push(key);
    if (several !== undefined) keys.push(...several);
    if (typeof encoded === "string") {
      lines.push(encoded);
    } else {
      lines.push("");
      exactAt.push(at);
      exact.push(encoded);
    }
  });
  const isDated = rows.some((row) => row.until !== undefined);
  const until = isDated ? Float64Array.from(rows, (row) => row.until ?? Infinity) : undefined;
  batch.push(keys, lines.join("\n"), Uint32Array.from(exactAt), exact, rows.length, until);
}
