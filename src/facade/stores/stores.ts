import type { Atomic } from "./atomic.js";
import { Contents } from "../blobs/blobs.js";
import type { CopyRoom } from "../bridge/copies.js";
import { DocStore, storeKey } from "./db.js";
import type { PatchPort, TransactionPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { KvStore } from "./kv.js";
import { MetaStore } from "./meta.js";
import { name } from "../base/names.js";
import type { Meta, PatchDB, PatchKV, Tx } from "../base/types.js";

type Port = PatchPort | TransactionPort;
/** Runs work in a transaction, on its stores. */
type Transact = <T>(work: (tx: Stores) => Promise<T>) => Promise<T>;

/** The stores of a patch or of a transaction. Transactions keep no copies. */
export class Stores implements Tx {
  readonly #handle: Handle;
  readonly #port: Port;
  readonly #copies: CopyRoom | undefined;
  readonly #transact: Transact | undefined;
  readonly meta: Meta;
  #blobs: Contents | undefined;

  /** @param transact that of a patch; none in a transaction */
  constructor(handle: Handle, port: Port, copies?: CopyRoom, transact?: Transact) {
    this.#handle = handle;
    this.#port = port;
    this.#copies = copies;
    this.#transact = transact;
    this.meta = new MetaStore(handle, port);
  }

  get blobs(): Contents {
    return (this.#blobs ??= new Contents(this.#handle, this.#handle.now(() => this.#port.contents())));
  }

  kv(storeName: string): PatchKV {
    return this.#kv(name(storeName, "store name"), false);
  }

  db(storeName: string): PatchDB {
    return this.#db(name(storeName, "store name"), false);
  }

  node(nodeId: string): { readonly kv: PatchKV; readonly db: PatchDB } {
    const n = name(nodeId, "node id");
    return { kv: this.#kv(n, true), db: this.#db(n, true) };
  }

  #kv(scope: string, isNode: boolean): KvStore {
    const port = this.#handle.now(() => this.#port.kv(scope, isNode));
    return new KvStore(this.#handle, port, this.#copies?.scope(scope, isNode), () => this.#atomic(scope, isNode));
  }

  #db(scope: string, isNode: boolean): DocStore {
    const port = this.#handle.now(() => this.#port.db(scope, isNode));
    return new DocStore(this.#handle, port, storeKey(scope, isNode), this.#copies?.scope(scope, isNode), () => this.#atomic(scope, isNode));
  }

  #atomic(scope: string, isNode: boolean): Atomic {
    const run: Transact = this.#transact ?? ((work) => work(this));
    return {
      isTransaction: this.#transact === undefined,
      kv: (work) => run((tx) => work(tx.#kv(scope, isNode))),
      db: (work) => run((tx) => work(tx.#db(scope, isNode))),
      named: (name) => this.#atomic(name, false),
    };
  }
}
