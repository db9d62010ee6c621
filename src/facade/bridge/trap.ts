import { PatchStoreError } from "../base/errors.js";

/** What wasm was left halfway by, once it was: its memory cannot be trusted from then on. */
let stopped: { readonly by: unknown } | undefined;
let poison: PatchStoreError | undefined;
let lastPanic: string | undefined;

/** Rejects whoever still waits for wasm: nothing there settles any more. */
const waiting = new Set<(error: PatchStoreError) => void>();

/** Called by wasm's panic hook, just before the trap. */
export function onPanic(message: string): void {
  lastPanic = message;
}

/** Calls `hear` when wasm stops for good; what is returned takes that back. */
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
 * What wasm exports, for everyone who calls it: the facade, events, timers, tasks and finalizers alike. Wasm returns
 * the errors that it means. An exception that comes out of it has unwound it (a trap, a stack that is used up,
 * something of the platform's that threw where nobody catches it): what was under way will never go on. So
 * nothing enters it any more.
 */
export function watched(exports: WebAssembly.Exports): WebAssembly.Exports {
  const watch = ([name, value]: [string, unknown]): [string, unknown] => {
    if (typeof value !== "function") return [name, value];
    const enter = (...args: unknown[]): unknown => {
      // Where a stack is used up, nobody can be told: then the next to come does that.
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
  return Object.fromEntries(Object.entries(exports).map(watch)) as WebAssembly.Exports;
}

/** Calls into wasm, unless it was stopped. */
export function guarded<T>(call: () => T): T {
  if (stopped !== undefined) throw tellAll(stopped.by);
  return call();
}

/** A promise of wasm's that also settles when wasm is stopped. */
export function settled<T>(result: Promise<T>): Promise<T> {
  return told((done) => {
    result.then(() => done(), done);
    return result;
  });
}

/** Tells how a call ended: with an error, or with none. */
export type Done = (error?: unknown) => void;

/** A promise of what `call` gives, settled when it is `done`, or when wasm is stopped. */
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
