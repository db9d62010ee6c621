import { PatchStoreError } from "./errors.js";
import type { Encoded } from "./values.js";

/** A place in an exact form that a Blob's bytes go to, once they are read. */
export type Gap = readonly [at: number, blob: Blob, path: string];

/** How long the Blobs of one call may keep it, and so its place in the line: this, and a second more for
 *  each so many bytes. */
const PATIENCE_MS = 10_000;
const BYTES_PER_S = 4 * 1024 * 1024;

/** Reads the Blobs of one call. A Blob may be of a disk that is gone, or of a page that does not run. */
export class BlobReader {
  #leftMs = PATIENCE_MS;

  /** Reads the Blobs' bytes into their places. Throws NotStorable. */
  async fill(encoded: Encoded, gaps: readonly Gap[]): Promise<void> {
    if (typeof encoded === "string") return;
    for (const [at, blob, path] of gaps) {
      try {
        const bytes = new Uint8Array(await this.#inTime(() => blob.arrayBuffer(), blob.size));
        if (bytes.length !== blob.size) throw undefined;
        encoded.set(bytes, at);
      } catch (cause) {
        const why = cause === LATE ? "did not arrive in time" : "cannot be read";
        const evidence = cause === LATE ? { path } : { path, cause };
        throw new PatchStoreError("NotStorable", `the bytes of the Blob at ${path} ${why}`, evidence);
      }
    }
  }

  /** What `read` comes to, if the patience of this call lasts. */
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

/** Told apart by identity from whatever a Blob throws. */
const LATE = {};
