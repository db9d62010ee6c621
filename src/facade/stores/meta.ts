import type { KvPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { KvStore } from "./kv.js";
import type { Meta } from "../base/types.js";

/** The meta of a patch or of a transaction; most never ask for it. */
export class MetaStore implements Meta {
  readonly #handle: Handle;
  readonly #owner: { meta(): KvPort };
  #kv: KvStore | undefined;

  constructor(handle: Handle, owner: { meta(): KvPort }) {
    this.#handle = handle;
    this.#owner = owner;
  }

  get #pairs(): KvStore {
    return (this.#kv ??= new KvStore(this.#handle, this.#handle.now(() => this.#owner.meta())));
  }

  async get<T>(key: string): Promise<T | undefined> {
    return this.#pairs.get<T>(key);
  }

  async set(key: string, value: unknown): Promise<void> {
    return this.#pairs.set(key, value);
  }

  async delete(key: string): Promise<boolean> {
    return this.#pairs.delete(key);
  }

  async keys(): Promise<string[]> {
    return this.#pairs.keys();
  }
}
