import { DocStore, storeKey } from "../stores/db.js";
import type { KvPort, PatchPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { KvStore } from "../stores/kv.js";
import { DocWrites } from "../stores/writes.js";
import { name } from "../base/names.js";
import { denied, type Permit } from "./grant.js";

/** The sandbox chooses the names, so the number of cached stores is bounded. */
const MAX_ROOMS = 64;

/** The stores of one name, or the node's own. */
export interface Room {
  readonly kvPort: KvPort;
  readonly kv: KvStore;
  readonly db: DocStore;
  readonly writes: DocWrites;
}

/** Opens the stores that a sandbox names, if the permit allows it. */
export class Rooms {
  readonly #handle: Handle;
  readonly #port: PatchPort;
  readonly #permit: Permit;
  readonly #named = new Map<string, Room>();
  #own: Room | undefined;

  constructor(handle: Handle, port: PatchPort, permit: Permit) {
    this.#handle = handle;
    this.#port = port;
    this.#permit = permit;
  }

  /** Throws InvalidArgument, AccessDenied or Closed.
   *  @param store a store's name, or null for the node's own stores */
  at(store: unknown): Room {
    if (store === null) return (this.#own ??= this.#open(this.#permit.node, true));
    const crossing = name(store, "store name");
    const { stores } = this.#permit;
    if (stores !== "*" && !stores.has(store)) throw denied("the store");
    let room = this.#named.get(crossing);
    if (room === undefined) {
      if (this.#named.size >= MAX_ROOMS) this.#named.clear();
      this.#named.set(crossing, (room = this.#open(crossing, false)));
    }
    return room;
  }

  #open(crossing: string, isNode: boolean): Room {
    return this.#handle.now(() => {
      const kvPort = this.#port.kv(crossing, isNode);
      const dbPort = this.#port.db(crossing, isNode);
      const db = new DocStore(this.#handle, dbPort, storeKey(crossing, isNode));
      return { kvPort, kv: new KvStore(this.#handle, kvPort), db, writes: new DocWrites(this.#handle, dbPort) };
    });
  }
}
