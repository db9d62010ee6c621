import { invalid } from "../base/errors.js";
import type { KvPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { restore } from "../values/values.js";
import type { Encoded } from "../values/snapshot.js";

/** Calls a listener. An error that it throws goes to the page's error handler only. */
export function tell<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value);
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else queueMicrotask(() => {
      throw error;
    });
  }
}

/** Watches one key until the returned function is called. */
export function watchKey(
  handle: Handle,
  port: KvPort,
  key: string,
  listener: (value: unknown) => void,
): () => void {
  handle.check();
  if (handle.isTransaction) throw invalid("watch is not available in a transaction");
  let wanted = true;
  const watcher = handle.now(() =>
    port.watch(key, (value: Encoded | undefined) => {
      // This runs inside wasm, and the listener may call back into it only after wasm has returned.
      queueMicrotask(() => {
        if (wanted) tell(listener, restore(value));
      });
    }),
  );
  const stop = (): void => {
    if (!wanted) return;
    wanted = false;
    forget();
    watcher.free();
  };
  const forget = handle.atEnd(stop);
  return stop;
}
