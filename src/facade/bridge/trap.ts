import { PatchStoreError } from "../base/errors.js";

/** The exception that unwound wasm, if one did. Its memory cannot be trusted from then on. */
let stopped: { readonly by: unknown } | undefined;
let poison: PatchStoreError | undefined;
let lastPanic: string | undefined;

/** Rejects the promises that wait for wasm. After a trap, nothing in wasm settles any more. */
const waiting = new Set<(error: PatchStoreError) => void>();

/** Keeps the message of a panic. Wasm's panic hook calls this just before the trap. */
export function onPanic(message: string): void {
  lastPanic = message;
}

/** Calls `hear` when wasm stops for good. Returns a function that cancels this. */
export function onStop(hear: (error: PatchStoreError) => void): () => void {
  waiting.add(hear);
  return () => waiting.delete(hear);
}

function tellAll(by: unknown): PatchStoreError {
  poison ??= new PatchStoreError(
    "Internal",
    `the storage engine stopped because of a defect; committed data is safe, reload the page: ${lastPanic ?? String(by)}`,
    { cause: by },
  );
  for (const reject of waiting) {
    waiting.delete(reject);
    reject(poison);
  }
  return poison;
}

/**
 * Wraps wasm's exports for all their callers: the facade, events, timers, tasks and finalizers. Wasm returns its
 * errors as values. An exception that escapes it has unwound it (a trap, a stack overflow, an uncaught error of
 * the platform), and operations in progress will never finish. So no further call enters wasm.
 */
export function watched(exports: WebAssembly.Exports): WebAssembly.Exports {
  const watch = ([name, value]: [string, unknown]): [string, unknown] => {
    if (typeof value !== "function") return [name, value];
    const enter = (...args: unknown[]): unknown => {
      // After a stack overflow `tellAll` may fail as well, so every later entry calls it again.
      if (stopped !== undefined) return void tellAll(stopped.by);
      try {
        return value(...args);
      } catch (error) {
        stopped ??= { by: error };
        throw tellAll(stopped.by);
      }
    };
    return [name, enter];
  };
  // (What begins with ":" is for the later part of the wasm, which is called through its own exports.)
  const entered = Object.entries(exports).filter(([name]) => !name.startsWith(":"));
  return Object.fromEntries(entered.map(watch)) as WebAssembly.Exports;
}

/** Calls into wasm, or throws Internal if wasm has stopped. */
export function guarded<T>(call: () => T): T {
  if (stopped !== undefined) throw tellAll(stopped.by);
  return call();
}

/** Settles like a promise from wasm, and also rejects when wasm stops. */
export function settled<T>(result: Promise<T>): Promise<T> {
  return told((done) => {
    result.then(() => done(), done);
    return result;
  });
}

/** Reports the end of a call, with its error if it failed. */
export type Done = (error?: unknown) => void;

/** A promise of the result of `call`. Settles when `call` reports that it is done, or when wasm stops. */
export function told<T>(call: (done: Done) => T | Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let value: T | Promise<T>;
    const done: Done = (error) => {
      waiting.delete(reject);
      if (error === undefined) resolve(value);
      else reject(error);
    };
    waiting.add(reject);
    try {
      value = guarded(() => call(done));
    } catch (error) {
      done(error);
    }
  });
}
