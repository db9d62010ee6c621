import { PatchStoreError } from "../base/errors.js";
import { encodeExact } from "../values/exact/encode.js";
import { inlineBlobs, type PatchPort } from "./glue.js";
import { Room } from "./room.js";
import { guarded, settled } from "./trap.js";
import { BESIDE_BYTES, type Encoded, type Gap, type Snapshot, type WithBlobs } from "../values/snapshot.js";

/** How long a call may wait for its Blobs, while later calls wait behind it: this, plus a second for every
 *  BYTES_PER_S bytes. */
const PATIENCE_MS = 10_000;
const BYTES_PER_S = 4 * 1024 * 1024;
/** The most bytes of a value's Blobs together if they must go through memory. */
const MAX_COPIED_BYTES = 256 * 1024 * 1024;
/** Bytes of contents on their way to or from the storage at once. */
const ROOM_BYTES = 32 * 1024 * 1024;
/** So many times their number weigh those that go through wasm, several times over. */
export const WASM_WEIGHT = 4;

/** How an engine's storage handles Blobs beside values. */
export class BlobPlace {
  readonly #port: PatchPort;
  /** Whether to store copies: the memory backend would lose the content of a file that changes on disk. */
  readonly copies: boolean;
  /** For the bytes of contents that are stored or read; those that go through wasm weigh more. */
  readonly room = new Room(ROOM_BYTES);
  #takes: Promise<boolean> | undefined;

  constructor(port: PatchPort, inMemory: boolean) {
    this.#port = port;
    this.copies = inMemory;
  }

  /** Whether the storage accepts Blobs. In private windows, some browsers refuse them or do not return them. The answer
   *  is kept. */
  takes(): Promise<boolean> {
    this.#takes ??= this.#ask().catch(() => {
      // The write itself will run into the same error and report it.
      this.#takes = undefined;
      return true;
    });
    return this.#takes;
  }

  async #ask(): Promise<boolean> {
    const blob = new Blob([new Uint8Array(BESIDE_BYTES).fill(1)]);
    const look = async (found: Blob) => new Uint8Array(await found.arrayBuffer())[BESIDE_BYTES - 1] === 1;
    const probe = encodeExact(blob).encoded as WithBlobs;
    return settled(guarded(() => this.#port.takes(probe, look)));
  }
}

/** Reads the Blobs of one call. A Blob may be on a disk that is gone, or belong to a page that is frozen. */
export class BlobReader {
  readonly #place: BlobPlace;
  #leftMs = PATIENCE_MS;

  constructor(place: BlobPlace) {
    this.#place = place;
  }

  /** Fills in the bytes of Blobs inside the value, and makes sure that those beside it can be stored. Throws
   *  NotStorable. */
  async fill(value: Snapshot): Promise<void> {
    const { encoded, gaps = [] } = value;
    if (typeof encoded === "string") return;
    const beside = gaps.filter(([at]) => at < 0);
    for (const gap of gaps) if (gap[0] >= 0) encoded.set(await this.bytesOf(gap), gap[0]);
    if (beside.length === 0) return;
    if (this.#place.copies) {
      const copies = (encoded as WithBlobs).blobs as Blob[];
      for (const [at, gap] of beside.entries()) copies[at] = new Blob([await this.bytesOf(gap)]);
    } else if (await this.#place.takes()) {
      // The browser reads the Blobs during the write, when everything waits for it: check now that they are readable.
      for (const gap of beside) await this.#ends(gap);
    } else {
      value.encoded = await this.#inlined(encoded, beside);
    }
  }

  /** Checks that the first and the last byte can be read. Throws NotStorable. */
  async #ends([, blob, path]: Gap): Promise<void> {
    for (const at of [0, blob.size - 1]) await this.bytesOf([at, blob.slice(at, at + 1), path]);
  }

  async #inlined(encoded: Uint8Array, gaps: readonly Gap[]): Promise<Encoded> {
    const bytes = gaps.reduce((sum, [, { size }]) => sum + size, 0);
    if (bytes > MAX_COPIED_BYTES) {
      const message = `this browser cannot store Blobs here, and ${bytes} bytes are too many to store as bytes: the limit is ${MAX_COPIED_BYTES}`;
      throw new PatchStoreError("NotStorable", message, { path: gaps[0]?.[2] });
    }
    const contents: Uint8Array[] = [];
    for (const gap of gaps) contents.push(await this.bytesOf(gap));
    return guarded(() => inlineBlobs(encoded, contents));
  }

  /** All of a Blob, which must still have the size that it had. Throws NotStorable. */
  async bytesOf([, blob, path]: Gap): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const bytes = new Uint8Array(await this.#inTime(() => blob.arrayBuffer(), blob.size));
      if (bytes.length !== blob.size) throw undefined;
      return bytes;
    } catch (cause) {
      const why = cause === LATE ? "did not arrive in time" : "could not be read";
      const evidence = cause === LATE ? { path } : { path, cause };
      throw new PatchStoreError("NotStorable", `the bytes of the Blob at ${path} ${why}`, evidence);
    }
  }

  /** The result of `read`, or a rejection with LATE when the time of this call is used up. */
  async #inTime<T>(read: () => Promise<T>, bytes: number): Promise<T> {
    this.#leftMs += (bytes / BYTES_PER_S) * 1000;
    const beganMs = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(reject, this.#leftMs, LATE);
    });
    try {
      return await Promise.race([read(), late]);
    } finally {
      clearTimeout(timer);
      this.#leftMs -= performance.now() - beganMs;
    }
  }
}

/** Compared by identity, so it cannot be confused with an error from a Blob. */
const LATE = {};
