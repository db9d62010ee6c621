import { PatchStoreError } from "./errors.js";

/** Set once wasm has trapped: its memory cannot be trusted from then on. */
let poison: PatchStoreError | undefined;
let lastPanic: string | undefined;

/** Rejects whoever still waits for wasm: after a trap nothing there settles any more. */
const waiting = new Set<(error: PatchStoreError) => void>();

/** Called by wasm's panic hook, just before the trap. */
export function onPanic(message: string): void {
  lastPanic = message;
  poisonWith(undefined);
}

function poisonWith(cause: unknown): PatchStoreError {
  poison ??= new PatchStoreError(
    "Internal",
    `a defect of the storage engine stopped it; what was committed is safe, reload the page: ${lastPanic ?? String(cause)}`,
    { cause },
  );
  const waiters = [...waiting];
  waiting.clear();
  for (const reject of waiters) reject(poison);
  return poison;
}

/**
 * Hears of traps in what wasm does by itself: its tasks and its handlers of IndexedDB's events run
 * outside of any call. A trap of somebody else's wasm names another file, or none where it was compiled from bytes or
 * thrown by JavaScript; WebKit names none of anybody's.
 */
export function hearTraps(): void {
  const hear = (error: unknown): void => {
    if (!(error instanceof WebAssembly.RuntimeError)) return;
    if (/patchstore(?!_import)[^\s/()]*\.wasm|@\[wasm code\]/.test(error.stack ?? "")) poisonWith(error);
  };
  globalThis.addEventListener?.("error", (event) => hear((event as ErrorEvent).error));
  globalThis.addEventListener?.("unhandledrejection", (event) => hear(event.reason));
}

/** Calls into wasm; a trap becomes code Internal, there and for every later call. */
export function guarded<T>(call: () => T): T {
  if (poison !== undefined) throw poison;
  try {
    return call();
  } catch (error) {
    throw error instanceof WebAssembly.RuntimeError ? poisonWith(error) : error;
  }
}

/** A promise of wasm's that also settles when wasm traps. */
export function settled<T>(result: Promise<T>): Promise<T> {
  return told((done) => {
    result.then(() => done(), done);
    return result;
  });
}

/** Tells how a call ended: with an error, or with none. */
export type Done = (error?: unknown) => void;

/** A promise of what `call` gives, settled when it is `done`, or when wasm traps. */
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
