import { throwIfAborted } from "../base/abort.js";
import { closed, invalid, isPatchStoreError, type PatchStoreError } from "../base/errors.js";
import { describe } from "../base/names.js";
import { func } from "../base/options.js";
import type { FindOptions, WatchOptions } from "../base/types.js";
import type { DbPort, LivePort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import type { Asking } from "./asking.js";
import type { After } from "./ends.js";
import { tell } from "./watch.js";

/** Documents that a live query told of. Those that are added or changed are the same objects as in the result. */
export interface Changes<T> {
  added: T[];
  changed: T[];
  removed: T[];
}

export type LiveListener<T> = (docs: T[], change: Changes<T>) => void;

/** A live query that was begun. */
export interface LiveQuery {
  stop(): void;
  /** Holds back what changes; the result that is told after `resume` has all of it. */
  pause(): void;
  resume(): void;
}

/** Whom a live query tells. */
export interface Ear {
  result(docs: unknown[], added: number[], changed: number[], removed: unknown[]): void;
  /** Called once, unless it was stopped. */
  end(error: PatchStoreError): void;
}

interface Checked {
  readonly find: FindOptions | undefined;
  readonly onError: ((error: PatchStoreError) => void) | undefined;
}

/** Takes `onError` from the options of a watch. Throws InvalidArgument. */
export function watchOptionsOf(options: WatchOptions | undefined): Checked {
  if (options === undefined) return { find: undefined, onError: undefined };
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalid(`options must be an object, not ${describe(options)}`);
  }
  const { onError, ...find } = options;
  if (onError !== undefined) func("options.onError", onError);
  return { find, onError };
}

/** The ear of two functions. An error of theirs goes to the page's error handler only. */
export function earOf(listener: LiveListener<any>, onError: ((error: PatchStoreError) => void) | undefined): Ear {
  return {
    result(docs, added, changed, removed) {
      const those = (places: number[]) => places.map((at) => docs[at]);
      const change = { added: those(added), changed: those(changed), removed };
      tell((told: Changes<unknown>) => listener(docs, told), change);
    },
    end(error) {
      if (onError !== undefined) tell(onError, error);
      // The end of a handle is no error of the query.
      else if (error.code !== "Closed") tell(thrower, error);
    },
  };
}

function thrower(error: unknown): never {
  throw error;
}

/** Begins a live query, which lasts until it is stopped, its signal is aborted, or the handle ends.
 *  @param after where to go on */
export function watchQuery(
  handle: Handle,
  port: DbPort,
  asking: Asking,
  after: After | undefined,
  ear: Ear,
): LiveQuery {
  handle.check();
  if (handle.isTransaction) throw invalid("watch is not available in a transaction");
  const { collection, patterns, options: { skip, limit, signal } } = asking;
  throwIfAborted(signal);
  const part = { after, skip, limit };
  const { asked, wide } = asking.asked(part);
  const parts = asking.parts(part);
  let wanted = true;
  let live: LivePort | undefined;
  const stop = (): void => {
    if (!wanted) return;
    wanted = false;
    forget();
    signal?.removeEventListener("abort", stop);
    live?.free();
    live = undefined;
  };
  const end = (error: unknown): void => {
    if (!wanted) return;
    stop();
    ear.end(isPatchStoreError(error) ? error : closed("the patch"));
  };
  // This runs inside wasm, and the listener may call back into it only after wasm has returned.
  const hear = (...told: [error: unknown] | Parameters<Ear["result"]>): void =>
    queueMicrotask(() => {
      if (told.length === 1) end(told[0]);
      else if (wanted) ear.result(...told);
    });
  const begin = (): void => {
    if (!wanted) return;
    live = port.watch(collection, asked.encoded, wide, patterns, parts, hear);
  };
  const forget = handle.atEnd(() => end(undefined));
  try {
    // A query with Blobs begins once these are read.
    if (asked.gaps === undefined) handle.now(begin);
    else void Promise.resolve(handle.send(asked, begin)).catch(end);
  } catch (error) {
    stop();
    throw error;
  }
  signal?.addEventListener("abort", stop);
  return { stop, pause: () => live?.pause(), resume: () => live?.resume() };
}
