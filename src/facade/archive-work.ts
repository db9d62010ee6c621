import type { Key } from "./access.js";
import { abortable, throwIfAborted } from "./base/abort.js";
import { invalid, PatchStoreError } from "./base/errors.js";
import type { Progress } from "./base/types.js";
import { briefly, closeBrief, DRAFT, ignore, openBriefly, ownWrites, REFUSE, refresh, wasm } from "./brief.js";
import type { ExportPortLater, PatchPort, WholePatchPort } from "./bridge/glue.js";
import { rest } from "./bridge/rest.js";
import { sweep } from "./bridge/sweep.js";
import { guarded } from "./bridge/trap.js";
import type { Source } from "./source.js";
import { tell } from "./stores/watch.js";

export type Report = ((progress: Progress) => void) | undefined;

/** Lets go of what a stream was made of that nobody reads any more. */
const abandoned = new FinalizationRegistry<() => void>((end) => end());

/** A checked call of `exportPatch`. Whoever makes it wipes the keys. */
export interface Exporting {
  readonly id: string;
  readonly database: string;
  readonly withLog: boolean;
  /** Whether it was said how it is sealed, or that it is not. */
  readonly isSealing: boolean;
  readonly key: Key;
  readonly sealing: Key;
  readonly report: Report;
  readonly signal: AbortSignal | undefined;
}

/** The stream of `exportPatch`. */
export async function exported({ id, database, withLog, isSealing, key, sealing, report, signal }: Exporting): Promise<ReadableStream<Uint8Array>> {
  let port: PatchPort | undefined;
  let begun: ExportPortLater | undefined;
  try {
    const whole = await abortable(rest(), signal);
    await ownWrites(database);
    port = await openBriefly(database, REFUSE, key);
    const opened = port as PatchPort;
    if (!isSealing && opened.isEncrypted()) {
      throw invalid("the patch is encrypted: options.seal says what its archive is encrypted by, or false that it is not");
    }
    begun = await wasm(() => whole(opened).exportFromLater(sealing.access?.(), withLog));
    throwIfAborted(signal);
    return streamOf(id, begun, opened, report, signal);
  } catch (error) {
    letGo(begun, port);
    throwIfAborted(signal);
    throw endedBy(error, id, "exported");
  }
}

interface Held {
  controller?: ReadableStreamDefaultController<Uint8Array>;
}

function streamOf(id: string, port: ExportPortLater, opened: PatchPort, report: Report, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  // (The signal, which may outlive all of this, must not keep the stream.)
  let held: WeakRef<Held> | undefined;
  const abort = () => {
    end();
    held?.deref()?.controller?.error(signal?.reason);
  };
  const end = () => {
    signal?.removeEventListener("abort", abort);
    letGo(port, opened);
  };
  const source: Held & UnderlyingDefaultSource<Uint8Array> = {
    // (By `this`: what `end` shares a scope with, the registry would keep.)
    start(this: Held, controller) {
      this.controller = controller;
    },
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
  held = new WeakRef(source);
  signal?.addEventListener("abort", abort, { once: true });
  // What the stream holds, and nobody else. Not the stream: of what only a reader or a Response reads any more, Chromium collects the
  // JavaScript object, and makes another when it is asked for.
  abandoned.register(source, end);
  return made;
}

function letGo(port: ExportPortLater | undefined, opened: PatchPort | undefined): void {
  try {
    guarded(() => port?.end());
  } catch {
    // The wasm has stopped: nothing is held any more.
  }
  closeBrief(opened).catch(ignore);
}

/** A checked call of `importPatch`. Whoever makes it wipes the keys. */
export interface Importing {
  readonly id: string;
  readonly database: string;
  readonly from: Source;
  readonly key: Key;
  readonly sealing: Key;
  readonly report: Report;
  readonly signal: AbortSignal | undefined;
}

/** The work of `importPatch`. */
export async function imported({ id, database, from, key, sealing, report, signal }: Importing): Promise<{ records: number; blobs: number }> {
  let isWhole = false;
  try {
    const whole = await abortable(rest(), signal);
    await ownWrites(database);
    const counts = await briefly(database, DRAFT, (port) => importInto(whole(port), from, sealing, report, signal), key);
    isWhole = true;
    const [records = 0, blobs = 0] = counts ?? [];
    return { records, blobs };
  } catch (error) {
    // A draft is not left behind.
    await sweep(database).catch(ignore);
    throwIfAborted(signal);
    throw endedBy(error, id, "imported");
  } finally {
    from.end(isWhole);
    if (isWhole) await refresh(database);
  }
}

async function importInto(port: WholePatchPort, from: Source, key: Key, report: Report, signal: AbortSignal | undefined): Promise<Float64Array> {
  const into = await wasm(() => port.importIntoLater(key.access?.()));
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
