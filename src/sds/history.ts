import { isPatchStoreError, type DB, type KV, type Patch, type Tx } from "../facade/index.js";
import { isSame } from "./given.js";
import { hashOf } from "./hash.js";

const PATCHES = "patches";
const SNAPSHOT = "snapshot";
/** Apart from the snapshot, so that pruning need not read all of it. */
const SNAPSHOT_CLOCK = "snapshot clock";

/** A patch as a document. The order of insertion is that of arrival, over all tabs. */
interface Entry {
  /** Of its clock and of its bytes: the same patch is found by it. */
  readonly _id: string;
  readonly clock: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The snapshot and the patches of one store. */
export class History {
  readonly #patch: Patch;
  readonly #name: string;
  readonly #kv: KV;
  readonly #db: DB;

  /** @param name of the stores of the patch in which it is kept */
  constructor(patch: Patch, name: string) {
    this.#patch = patch;
    this.#name = name;
    this.#kv = patch.kv(name);
    this.#db = patch.db(name);
  }

  /** Makes what patches are ordered by, unless it is there. */
  prepare(): Promise<void> {
    return this.#db.createIndex(PATCHES, "clock");
  }

  snapshot(): Promise<Uint8Array | undefined> {
    return this.#kv.get<Uint8Array>(SNAPSHOT);
  }

  saveSnapshot(data: Uint8Array, clock: number | undefined): Promise<void> {
    return this.#kv.setMany([[SNAPSHOT, data], [SNAPSHOT_CLOCK, clock ?? null]]);
  }

  /** Those of a clock above this one: ascending, then in the order of arrival. */
  async since(clock: number): Promise<Uint8Array[]> {
    // (Documents of equal clocks keep the order of insertion.)
    const [query, options] = [{ clock: { $gt: clock } }, { sort: { clock: 1 } } as const];
    const found: Uint8Array[] = [];
    try {
      for (const { data } of await this.#db.find<Entry>(PATCHES, query, options)) found.push(data);
    } catch (error) {
      if (!isPatchStoreError(error) || error.code !== "LimitExceeded") throw error;
      // More than one call may return: page by page.
      for await (const { data } of this.#db.iterate<Entry>(PATCHES, query, options)) found.push(data);
    }
    return found;
  }

  /** Keeps a patch, unless the same bytes are there under that clock. */
  async append(data: Uint8Array<ArrayBuffer>, clock: number): Promise<void> {
    const id = `${clock} ${data.length} ${hashOf(data)}`;
    for (let other = 0; ; other++) {
      // planted: sds-clock-overwritten
      const entry: Entry = { _id: other === 0 ? id : `${id} ${other}`, clock, data };
      try {
        await this.#db.insert(PATCHES, entry);
        return;
      } catch (error) {
        if (!isPatchStoreError(error) || error.code !== "Exists") throw error;
      }
      const there = await this.#db.findOne<Entry>(PATCHES, entry._id);
      // (Gone by now: it was the same or has been pruned, as this one would have been.)
      // planted: sds-other-bytes
      if (there === null || isSame(there.data, data)) return;
    }
  }

  /** Deletes what has a clock below `before`, and is part of the snapshot where that has a clock. */
  prune(before: number): Promise<void> {
    return this.#patch.transaction(async (tx: Tx) => {
      const covered = await tx.kv(this.#name).get<number | null>(SNAPSHOT_CLOCK);
      // planted: sds-pruned-beyond
      const below = typeof covered === "number" ? { $lt: before, $lte: covered } : { $lt: before };
      await tx.db(this.#name).deleteMany(PATCHES, { clock: below });
    });
  }
}
