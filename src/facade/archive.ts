import { Key } from "./access.js";
import { abortable, throwIfAborted } from "./base/abort.js";
import { invalid, PatchStoreError } from "./base/errors.js";
import { bool, func, known, signalOf } from "./base/options.js";
import type { Encryption, ExportPatchOptions, ImportPatchOptions, Progress } from "./base/types.js";
import { briefly, closeBrief, DRAFT, ignore, openBriefly, ownWrites, REFUSE, refresh, wasm } from "./brief.js";
import { databaseOf } from "./bridge/database.js";
import type { ExportPort, PatchPort } from "./bridge/glue.js";
import { init } from "./bridge/load.js";
import { sweep } from "./bridge/sweep.js";
import { guarded } from "./bridge/trap.js";
import { sourceOf, type Source } from "./source.js";
import { tell } from "./stores/watch.js";

type Report = ((progress: Progress) => void) | undefined;

/** Lets go of what a stream was made of that nobody reads any more. */
const abandoned = new FinalizationRegistry<() => void>((end) => end());

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
  let port: PatchPort | undefined;
  let begun: ExportPort | undefined;
  try {
    await init();
    await ownWrites(database);
    port = await openBriefly(database, REFUSE, key);
    const opened = port as PatchPort;
    if (seal === undefined && opened.isEncrypted()) {
      throw invalid("the patch is encrypted: options.seal says what its archive is encrypted by, or false that it is not");
    }
    begun = await wasm(() => opened.exportFrom(sealing.access?.(), withLog));
    throwIfAborted(signal);
    return streamOf(id, begun, opened, report, signal);
  } catch (error) {
    letGo(begun, port);
    throwIfAborted(signal);
    throw endedBy(error, id, "exported");
  } finally {
    key.forget();
    sealing.forget();
  }
}

function streamOf(id: string, port: ExportPort, opened: PatchPort, report: Report, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  // (The signal, which may outlive all of this, must not keep the stream.)
  let stream: WeakRef<ReadableStreamDefaultController<Uint8Array>> | undefined;
  const abort = () => {
    end();
    stream?.deref()?.error(signal?.reason);
  };
  const end = () => {
    signal?.removeEventListener("abort", abort);
    letGo(port, opened);
  };
  const source: UnderlyingDefaultSource<Uint8Array> = {
    start: (controller) => void (stream = new WeakRef(controller)),
    async pull(controller) {
      try {
        const bytes = await wasm(() => port.next());
        if (signal?.aborted) return;
        tellOf(report, guarded(() => port.progress()));
        if (bytes !== undefined) return controller.enqueue(bytes);
        controller.close();
      } catch (error) {
        if (signal?.aborted) return;
        controller.error(endedBy(error, id, "exported"));
      }
      end();
    },
    cancel: end,
  };
  // What nobody asks for is not made.
  const made = new ReadableStream(source, { highWaterMark: 0 });
  signal?.addEventListener("abort", abort, { once: true });
  abandoned.register(made, end);
  return made;
}

function letGo(port: ExportPort | undefined, opened: PatchPort | undefined): void {
  try {
    guarded(() => port?.end());
  } catch {
    // The wasm has stopped: nothing is held any more.
  }
  closeBrief(opened).catch(ignore);
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
  let isWhole = false;
  try {
    await init();
    await ownWrites(database);
    const counts = await briefly(database, DRAFT, (port) => importInto(port, from, sealing, report, signal), key);
    isWhole = true;
    const [records = 0, blobs = 0] = counts ?? [];
    return { records, blobs };
  } catch (error) {
    // A draft is not left behind.
    await sweep(database).catch(ignore);
    throwIfAborted(signal);
    throw endedBy(error, id, "imported");
  } finally {
    key.forget();
    sealing.forget();
    from.end(isWhole);
    if (isWhole) await refresh(database);
  }
}

async function importInto(port: PatchPort, from: Source, key: Key, report: Report, signal: AbortSignal | undefined): Promise<Float64Array> {
  const into = await wasm(() => port.importInto(key.access?.()));
  try {
    for (;;) {
      const bytes = await abortable(from.next(), signal);
      throwIfAborted(signal);
      if (bytes === undefined) break;
      await wasm(() => into.write(bytes));
      tellOf(report, guarded(() => into.progress()));
    }
    const counts = await wasm(() => into.end());
    return counts;
  } catch (error) {
    await wasm(() => into.abandon()).catch(ignore);
    throw error;
  }
}

function reportOf(onProgress: unknown): Report {
  if (onProgress !== undefined) func("options.onProgress", onProgress);
  return onProgress as Report;
}

function tellOf(report: Report, progress: Float64Array | undefined): void {
  if (report === undefined || progress === undefined) return;
  const [done = 0, total = 0] = progress;
  tell(report, { done, total });
}

/** That the patch is gone meanwhile is a conflict to whoever has it in hand as a whole. */
function endedBy(error: unknown, id: string, how: string): unknown {
  if ((error as PatchStoreError).code !== "Closed") return error;
  return new PatchStoreError("Conflict", `"${id}" was deleted while it was being ${how}`, { cause: error });
}
