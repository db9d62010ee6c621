import { throwIfAborted } from "../facade/base/abort.js";
import { argument, bare } from "./copy.js";
import { invalid } from "./failure.js";
import type { Link } from "./link.js";

/** What the host sends of a result: the rest of its documents and those that are gone, how many of these are there, and which are new or changed. */
type Event = [rest: unknown[], count: number, added: number[], changed: number[]];

/** Begins a live query. The host checks what is not checked here.
 *  @param args for the host: the collection, the query, the options and the mark of what it goes on behind
 *  @param options as they were given */
export function liveOf(link: Link, store: string | null, [collection, query, exchanged, mark]: unknown[], listener: any, options: any): () => void {
  if (typeof listener !== "function") throw invalid("listener must be a function");
  const onError = options?.onError;
  if (onError !== undefined && typeof onError !== "function") throw invalid("options.onError must be a function");
  const signal: AbortSignal | undefined = options?.signal;
  if (signal !== undefined && typeof signal?.addEventListener !== "function") throw invalid("signal must be an AbortSignal");
  throwIfAborted(signal);
  const ear = {
    parts: [] as unknown[][],
    hear([rest, count, added, changed]: Event): void {
      const items = [...ear.parts.splice(0), rest].flat();
      const docs = items.slice(0, count);
      const those = (places: number[]) => places.map((at) => docs[at]);
      listener(docs, { added: those(added), changed: those(changed), removed: items.slice(count) });
    },
    end(error: unknown): void {
      signal?.removeEventListener("abort", stop);
      if (onError !== undefined) onError(error);
      // The end of the connection is no error of the query.
      else if ((error as { code?: unknown }).code !== "Closed") throw error;
    },
  };
  const unwatch = link.watch("db.watch", store, [collection, argument(query), bare(exchanged), mark], ear);
  const stop = (): void => {
    signal?.removeEventListener("abort", stop);
    unwatch();
  };
  signal?.addEventListener("abort", stop);
  return stop;
}
