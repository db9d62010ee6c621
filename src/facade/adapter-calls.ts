import type { AdapterStore } from "./adapter-store.js";
import { PatchStoreError } from "./index.js";

type Run<T> = (store: AdapterStore) => T | Promise<T>;

interface Waiting {
  go(store: AdapterStore): void;
  fail(error: unknown): void;
  /** What it comes to where nobody opens a database; a write waits for that. */
  giveUp?(): void;
}

/** Thrown by reads that nothing can stand for. */
export function notInitialized(): never {
  throw new PatchStoreError("Closed", "the storage adapter has not been initialized");
}

function closed(): PatchStoreError {
  return new PatchStoreError("Closed", "the storage adapter is closed");
}

/** The calls of an adapter, and what they have to wait for: they go in the order in which they were made. */
export class AdapterCalls {
  #store: AdapterStore | undefined;
  /** Of the database of this name, under way or done. */
  #opening: { readonly name: string; readonly done: Promise<void> } | undefined;
  /** Why it is not open, where the last try failed. */
  #failure: unknown;
  #waiting: Waiting[] = [];
  #closing: Promise<void> | undefined;

  /** Throws Closed after {@link close}. */
  check(): void {
    if (this.#closing !== undefined) throw closed();
  }

  /** Whether a call goes at once. */
  get isOpen(): boolean {
    return this.#store !== undefined;
  }

  /** Opens the database, unless that is under way or done. */
  async open(name: string, open: () => Promise<AdapterStore>): Promise<void> {
    this.check();
    if (this.#store?.isOpen === false) this.#store = this.#opening = undefined;
    if (this.#opening !== undefined && this.#opening.name !== name) {
      throw new PatchStoreError("InvalidArgument", `the storage adapter has been initialized as ${JSON.stringify(this.#opening.name)}`);
    }
    this.#opening ??= { name, done: this.#open(open) };
    return this.#opening.done;
  }

  async #open(open: () => Promise<AdapterStore>): Promise<void> {
    this.#failure = undefined;
    try {
      const store = await open();
      this.#store = store;
      for (const { go } of this.#waiting.splice(0)) go(store);
    } catch (error) {
      this.#opening = undefined;
      this.#failure = error;
      for (const { fail } of this.#waiting.splice(0)) fail(error);
      throw error;
    }
  }

  /** Runs a write: now, or when a database is open, however long that takes. */
  async write<T>(run: Run<T>): Promise<T> {
    return this.#run(run);
  }

  /** Runs a read. If nobody has begun to open a database one macrotask later, it is `otherwise` instead. */
  async read<T>(run: Run<T>, otherwise: () => T): Promise<T> {
    return this.#run(run, otherwise);
  }

  #run<T>(run: Run<T>, otherwise?: () => T): T | Promise<T> {
    this.check();
    if (this.#store !== undefined) return run(this.#store);
    return new Promise<T>((resolve, reject) => {
      const settle = (make: () => T | Promise<T>): void => {
        try {
          resolve(make());
        } catch (error) {
          reject(error);
        }
      };
      const waiting: Waiting = { go: (store) => settle(() => run(store)), fail: reject };
      this.#waiting.push(waiting);
      if (otherwise === undefined) return;
      // What could not be opened may hold something.
      waiting.giveUp = () => (this.#failure === undefined ? settle(otherwise) : reject(this.#failure));
      setTimeout(() => this.#giveUp(waiting), 0);
    });
  }

  #giveUp(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at < 0 || this.#opening !== undefined) return;
    this.#waiting.splice(at, 1);
    waiting.giveUp?.();
  }

  /** Refuses later calls; waits for those that were made, and ends. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // (Whoever waits for the opening is told why it failed.)
    await this.#opening?.done.catch(() => {});
    const reads = this.#waiting.filter(({ giveUp }) => giveUp !== undefined);
    for (const { fail, giveUp } of this.#waiting) if (giveUp === undefined) fail(closed());
    this.#waiting = reads;
    await this.#store?.close();
  }
}
