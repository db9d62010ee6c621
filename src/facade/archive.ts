import { Key } from "./access.js";
import { throwIfAborted } from "./base/abort.js";
import { bool, func, known, signalOf } from "./base/options.js";
import type { Encryption, ExportPatchOptions, ImportPatchOptions } from "./base/types.js";
import { databaseOf } from "./bridge/database.js";
import type { Report } from "./archive-work.js";
import { sourceOf } from "./source.js";
import { wholePart } from "./whole-part.js";

/**
 * A whole patch as one stream, as it is at one moment: every store, document, index definition, blob, expiry, version and meta, with times and order; the
 * op-log's entries with `opLog: true`. It is made as it is read, in bounded memory, and its moment is held until it has been read, is cancelled or fails: others can
 * write meanwhile. With `seal`, it is encrypted; that of an encrypted patch must be, or be said not to be (`seal: false`).
 * @throws PatchStoreError code WrongKey | Encrypted | NotEncrypted | InvalidArgument (there is no patch of that id, too) | Unavailable | Blocked |
 *   UnsupportedFormat | Corrupt; the signal's reason. The stream errors with these, and with Conflict where what it still needs had to be given up
 *   (for room, since there are no Web Locks, or since the patch was deleted), or NotStorable (a value whose Blobs are larger than 256 MiB, or cannot be read)
 */
export async function exportPatch(id: string, options?: ExportPatchOptions): Promise<ReadableStream<Uint8Array>> {
  const given = known("options", options, ["prefix", "encryption", "seal", "opLog", "onProgress", "signal"]);
  const database = databaseOf(id, given.prefix);
  const withLog = bool("options.opLog", given.opLog);
  const [report, signal] = [reportOf(given.onProgress), signalOf("options.signal", given.signal)];
  const { seal } = given;
  throwIfAborted(signal);
  const [key, sealing] = [new Key("options.encryption", given.encryption), new Key("options.seal", seal === false ? undefined : seal)];
  try {
    const { exported } = await wholePart();
    return await exported({ id, database, withLog, isSealing: seal !== undefined, key, sealing, report, signal });
  } finally {
    key.forget();
    sealing.forget();
  }
}

/**
 * Makes a patch of an archive that {@link exportPatch} has made: all of it, or nothing, also after a crash. `seal` opens an archive that is sealed; `encryption` makes the
 * patch an encrypted one, or opens the empty one that is there. A stream is read to its end, or cancelled where that fails.
 * @throws PatchStoreError code Exists (`id` holds data) | Corrupt (cut short, or changed anywhere) | UnsupportedFormat (no archive, or of a newer library) |
 *   Encrypted | NotEncrypted | WrongKey | InvalidArgument | Conflict (somebody has opened or deleted the patch meanwhile) | StorageQuotaExceeded | Unavailable | Blocked |
 *   ConnectionLost; what the stream errors with; the signal's reason
 */
export async function importPatch(
  id: string,
  source: ReadableStream<Uint8Array> | Blob | BufferSource,
  options?: ImportPatchOptions,
): Promise<{ records: number; blobs: number }> {
  const given = known("options", options, ["prefix", "seal", "encryption", "onProgress", "signal"]);
  const database = databaseOf(id, given.prefix);
  const [report, signal] = [reportOf(given.onProgress), signalOf("options.signal", given.signal)];
  throwIfAborted(signal);
  const [key, sealing] = [new Key("options.encryption", given.encryption), new Key("options.seal", given.seal as Encryption | undefined)];
  const from = sourceOf(source);
  try {
    const { imported } = await wholePart().catch((error: unknown) => {
      from.end(false);
      throw error;
    });
    return await imported({ id, database, from, key, sealing, report, signal });
  } finally {
    key.forget();
    sealing.forget();
  }
}

function reportOf(onProgress: unknown): Report {
  if (onProgress !== undefined) func("options.onProgress", onProgress);
  return onProgress as Report;
}
