import { internals, PatchStoreError } from "./index.js";
import type { AdapterPortLater, KvPort } from "./bridge/glue.js";
import type { Handle } from "./bridge/handle.js";
import type { Row } from "./bridge/slices.js";
import type { Patch } from "./base/types.js";
import type { KvStore } from "./stores/kv.js";
import type { Snapshot } from "./values/snapshot.js";

/** An entry of the log, as it comes back. */
export type PendingOp = Record<string, any> & { id: number; synced: number };

type StoreName = "kv" | "meta";
type Stores = Record<StoreName, { readonly kv: KvStore; readonly port: KvPort }>;

/** What one write is to store (a value) or to remove (none), and the entry that goes along. */
export interface Write {
  readonly changes: Record<StoreName, Map<string, Snapshot | undefined>>;
  readonly op: Snapshot;
}

/** Takes a write as it is at the call. */
export function takeWrite(mutations: unknown, op: unknown): Write {
  const { isPlain, key, snapshot, Tally } = internals;
  if (!Array.isArray(mutations)) throw invalid("mutations must be an array");
  const changes: Write["changes"] = { kv: new Map(), meta: new Map() };
  const tally = new Tally("a write takes");
  mutations.forEach((mutation: unknown, at) => {
    const what = `mutations[${at}]`;
    if (typeof mutation !== "object" || mutation === null) throw invalid(`${what} must be an object`);
    const { store, type, key: given, value } = mutation as Record<string, unknown>;
    if (store !== "kv" && store !== "meta") throw invalid(`${what}.store must be "kv" or "meta"`);
    if (type !== "put" && type !== "remove") throw invalid(`${what}.type must be "put" or "remove"`);
    const k = key(given, `${what}.key`);
    const isGone = type === "remove" || (store === "meta" && value === undefined);
    const taken = isGone ? undefined : snapshot(value);
    tally.add(k.length + (taken?.encoded.length ?? 0));
    // Of several changes of one key, the last one counts.
    changes[store].set(k, taken);
  });
  const taken = snapshot(op);
  if (typeof op !== "object" || op === null || !isPlain(op)) throw invalid("an entry of the log must be a plain object");
  return { changes, op: taken };
}

/** The records of a batch: each taken when it is asked for, or all of them now. */
export function rowsOf(entries: Iterable<readonly [string, unknown]>, now: boolean): Generator<Row> {
  // (A Map's entries say nothing of when they expire.)
  const rows = internals.entryRows(entries, () => Infinity);
  return now ? each([...rows]) : rows;
}

function* each(rows: Row[]): Generator<Row> {
  yield* rows;
}

export function invalid(message: string): PatchStoreError {
  return new PatchStoreError("InvalidArgument", message);
}

/** What an adapter keeps in an open patch. */
export class AdapterStore {
  readonly #patch: Patch;
  readonly #handle: Handle;
  readonly #port: AdapterPortLater;
  readonly #stores: Stores;
  /** All entries up to this id have been handed out: what is committed later has a higher one. */
  #handedOut = 0;

  private constructor(patch: Patch, handle: Handle, port: AdapterPortLater) {
    this.#patch = patch;
    this.#handle = handle;
    this.#port = port;
    const over = (kv: KvPort) => ({ kv: new internals.KvStore(handle, kv), port: kv });
    this.#stores = { kv: over(port.data()), meta: over(port.meta()) };
  }

  /** On a patch that was opened for it; closes that if there is an error. */
  static async on(patch: Patch): Promise<AdapterStore> {
    try {
      const { handle, port } = await internals.partsOf(patch);
      return new AdapterStore(patch, handle, port);
    } catch (error) {
      void patch.close();
      throw error;
    }
  }

  /** The records. */
  get records(): KvStore {
    return this.#stores.kv.kv;
  }

  get meta(): KvStore {
    return this.#stores.meta.kv;
  }

  /** False once the database is lost, deleted or closed. */
  get isOpen(): boolean {
    try {
      this.#handle.check();
      return true;
    } catch {
      return false;
    }
  }

  /** The keys of the records, ascending, and when each expires, in ms since the epoch; infinite if never. */
  dates(): [string[], Float64Array] | Promise<[string[], Float64Array]> {
    const none = undefined;
    const read = () => this.#stores.kv.port.range(4, none, none, none, none, none, false, Infinity);
    return this.#handle.call(read) as [string[], Float64Array];
  }

  put(store: StoreName, key: string, taken: Snapshot, expires?: number): Promise<void> {
    const { port } = this.#stores[store];
    const until = expires === undefined ? Infinity : this.#handle.now(() => port.until(Math.ceil(expires), false));
    return internals.put(this.#handle, port, key, taken, until);
  }

  putAll(rows: Generator<Row>): Promise<void> {
    const batch = this.#handle.now(() => this.#stores.kv.port.batch());
    return internals.sendRows(this.#handle, rows, batch, () => batch.commit()) as Promise<void>;
  }

  /** Carries a write out in one commit; the id of its entry. */
  write({ changes, op }: Write): Promise<number> {
    const all = [...changes.kv.values(), ...changes.meta.values(), op];
    const blobs = all.filter((taken) => taken?.gaps !== undefined) as Snapshot[];
    const issue = () => this.#issue(changes, op);
    if (blobs.length === 0) return this.#handle.call(issue) as Promise<number>;
    const reader = new internals.BlobReader(this.#handle.place);
    const filled = async () => {
      for (const taken of blobs) await reader.fill(taken);
    };
    return this.#handle.hold(filled(), issue);
  }

  #issue(changes: Write["changes"], op: Snapshot): Promise<number> {
    const { kv, meta } = this.#stores;
    const batch = kv.port.batch();
    try {
      for (const [store, changed] of [[kv, changes.kv], [meta, changes.meta]] as const) {
        if (changed.size === 0) continue;
        const rows: Row[] = [];
        const removed: string[] = [];
        for (const [key, taken] of changed) {
          if (taken === undefined) removed.push(key);
          else rows.push({ key, ...taken });
        }
        batch.turnTo(store.port);
        internals.pushRows(batch, rows);
        batch.pushKeys(removed);
      }
      internals.pushRows(batch, [{ key: "", ...op }]);
      return this.#port.append(batch);
    } finally {
      batch.free();
    }
  }

  async pending(): Promise<PendingOp[]> {
    // (One call: whoever closes waits for all of it.)
    const found = await this.#handle.call(async () => {
      await this.#port.settled();
      return this.#port.pending();
    });
    const [ids, entries] = found as [Float64Array, object[]];
    this.#handedOut = Math.max(this.#handedOut, ids.at(-1) ?? 0);
    return entries.map((entry, at) => Object.assign(entry, { id: ids[at] as number, synced: 0 }));
  }

  prune(upTo: number): Promise<void> {
    return this.#handle.call(() => this.#port.prune(this.#handedOut, upTo)) as Promise<void>;
  }

  deleteOp(id: number): Promise<void> {
    return this.#handle.call(() => this.#port.deleteOp(id)) as Promise<void>;
  }

  close(): Promise<void> {
    return this.#patch.close();
  }
}
