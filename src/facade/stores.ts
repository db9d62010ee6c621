import { DocStore } from "./db.js";
import type { PatchPort, TransactionPort } from "./glue.js";
import type { Handle } from "./handle.js";
import { KvStore } from "./kv.js";
import { name } from "./names.js";
import type { DB, KV, Tx } from "./types.js";

type Port = PatchPort | TransactionPort;

/** The stores of a patch, or of a transaction on it. */
export class Stores implements Tx {
  readonly #handle: Handle;
  readonly #port: Port;

  constructor(handle: Handle, port: Port) {
    this.#handle = handle;
    this.#port = port;
  }

  kv(storeName: string): KV {
    const n = name(storeName, "store name");
    return new KvStore(this.#handle, this.#handle.now(() => this.#port.kv(n, false)));
  }

  db(storeName: string): DB {
    const n = name(storeName, "store name");
    return new DocStore(this.#handle, this.#handle.now(() => this.#port.db(n, false)));
  }

  node(nodeId: string): { readonly kv: KV; readonly db: DB } {
    const n = name(nodeId, "node id");
    return this.#handle.now(() => ({
      kv: new KvStore(this.#handle, this.#port.kv(n, true)),
      db: new DocStore(this.#handle, this.#port.db(n, true)),
    }));
  }
}
