import type { BlobRef } from "./blob-ref.js";

/**
 * Contents of a patch: bytes that are stored once, under their SHA-256, however often they are put. A content lives as long as any
 * record holds a {@link BlobRef} to it, whatever removes the record: delete, cascade, drop, expiry, deleteNode. What was put
 * and no record has taken up yet is kept for an hour. What nothing holds is collected in the background and by
 * {@link Patch.compact}. A value refers to 10 000 contents at most.
 */
export interface Blobs {
  /**
   * Stores bytes as they are at the call. A stream, and a Blob of more than 32 MiB, are hashed and stored piece by piece, in bounded
   * memory; what fails leaves nothing. `type`: default the Blob's. `onProgress` hears how many bytes are stored.
   * @throws PatchStoreError code InvalidArgument (`expect` is another hash; no bytes) | Conflict (no progress for an hour) |
   *   StorageQuotaExceeded | Closed, what the stream fails with, the signal's reason
   */
  put(
    data: Blob | BufferSource | ReadableStream<Uint8Array>,
    options?: { type?: string; expect?: string; signal?: AbortSignal; onProgress?: (bytes: number) => void },
  ): Promise<BlobRef>;
  /** The reference of a content that is here, for those who know its hash; its type is "". */
  ref(hash: string): Promise<BlobRef | undefined>;
  /** The whole of it in memory, each piece checked: Corrupt rather than wrong bytes. undefined when it is not here. Its type is the
   *  reference's, "" for a hash. For large contents see {@link Blobs.stream}. */
  get(blob: BlobRef | string): Promise<Blob | undefined>;
  /** A part of it, from the byte `start` (default 0) to before `end` (default: to its end), of which only the pieces are read that it
   *  lies in, when they are asked for. undefined when it is not here. The stream fails with Conflict where it was collected meanwhile. */
  stream(blob: BlobRef | string, range?: { start?: number; end?: number }): Promise<ReadableStream<Uint8Array> | undefined>;
  /** An object URL; the same for the same content until `revoke` or `close()`. undefined when it is not here. */
  url(blob: BlobRef | string): Promise<string | undefined>;
  revoke(blob: BlobRef | string): void;
  has(blob: BlobRef | string): Promise<boolean>;
  /** Its size in bytes, and whether a record holds it. undefined when it is not here. */
  stat(blob: BlobRef | string): Promise<{ size: number; held: boolean } | undefined>;
  /** All contents, by their hashes. */
  list(): AsyncIterableIterator<{ hash: string; size: number; held: boolean }>;
}
