import { throwIfAborted } from "./base/abort.js";
import { PatchBlobs } from "./blobs/blobs.js";
import { BlobPlace } from "./bridge/blobs.js";
import { acquire, forget, release, within, type Engine, type KeySlot, type Settings } from "./bridge/engines.js";
import { originEstimate, persisted, requestPersistence } from "./base/estimate.js";
import { Events, scopesOf } from "./events.js";
import type { AdapterPortLater, PatchPort, SubscriptionPort } from "./bridge/glue.js";
import { Handle } from "./bridge/handle.js";
import { importPlain } from "./import.js";
import { name } from "./base/names.js";
import { PatchKeys } from "./keyring.js";
import { dbObject, kvObject } from "./objects/object.js";
import { func } from "./base/options.js";
import { Sandboxes } from "./serve/serve.js";
import { Stores } from "./stores/stores.js";
import { PatchLog } from "./sync/op-log.js";
import { Trace } from "./bridge/trace.js";
import { guarded, onStop, settled } from "./bridge/trap.js";
import { transact, type TransactionOptions } from "./stores/transaction.js";
import { agree, type Shape } from "./version.js";
import type {
  Blobs,
  DbMessage,
  DbOutput,
  Encryption,
  Grant,
  ImportOptions,
  Keyring,
  KvMessage,
  KvOutput,
  MessageObject,
  Meta,
  OpLog,
  Patch,
  PatchDB,
  PatchEvents,
  PatchKV,
  PatchStats,
  PatchStatus,
  QuotaAction,
  QuotaPolicy,
  Tx,
} from "./base/types.js";

type ClosedReason = PatchEvents["closed"]["reason"];

const ASYNC_DISPOSE: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/** Under this, a patch gives what a storage adapter works with. */
export const PARTS = Symbol("parts");

export interface AdapterParts {
  readonly handle: Handle;
  readonly port: AdapterPortLater;
}

/** A handle on an open patch. Handles on the same database share one engine. */
export class OpenedPatch implements Patch {
  readonly id: string;
  readonly status: PatchStatus;
  readonly #engine: Engine;
  readonly #port: PatchPort;
  readonly #handle: Handle;
  readonly #stores: Stores;
  readonly #events = new Events();
  readonly #sandboxes = new Sandboxes();
  readonly #stopListening: () => void;
  readonly #slot: KeySlot | undefined;
  #keys: PatchKeys | undefined;
  #opLog: PatchLog | undefined;
  #blobs: PatchBlobs | undefined;
  #subscription: SubscriptionPort | undefined;
  #closing: Promise<void> | undefined;

  private constructor(id: string, engine: Engine, port: PatchPort, evicted: boolean, slot: KeySlot | undefined) {
    this.id = id;
    this.#slot = slot;
    this.#engine = engine;
    this.#port = port;
    const { backend, durability } = engine.settings;
    const encrypted = port.isEncrypted();
    const place = new BlobPlace(port, backend === "memory" && !encrypted);
    this.#handle = new Handle(`patch ${JSON.stringify(id)}`, engine.order, place);
    const inTransaction = <T>(work: (tx: Stores) => Promise<T>) => transact(this.#handle, port, (tx) => work(tx as Stores), undefined);
    this.#stores = new Stores(this.#handle, port, engine.copies, inTransaction);
    this.status = Object.freeze({
      backend,
      durability,
      encrypted,
      get persisted() {
        return persisted();
      },
      evicted,
    });
    const subscription = port.subscribe(
      (remote: boolean, scopes: string[]) => this.#changed(remote, scopes),
      (usage: number, quota: number, action: QuotaAction) => this.#short(usage, quota, action),
      (reason: ClosedReason) => this.#ended(reason),
    );
    const forget = onStop(() => this.#ended("lost"));
    this.#subscription = subscription;
    this.#stopListening = () => {
      forget();
      this.#subscription = undefined;
      subscription.free();
    };
  }

  static async open(
    id: string,
    settings: Settings,
    policy: Required<QuotaPolicy>,
    signal: AbortSignal | undefined,
    opLog: boolean,
    shape: Shape,
  ): Promise<OpenedPatch> {
    const [engine, port, slot] = await acquire(settings, signal);
    try {
      const evicted = settings.backend === "indexeddb" && (await wasEvicted(engine, port));
      throwIfAborted(signal);
      if (opLog) await within(settled(guarded(() => port.switchOnOpLog())), settings, signal);
      if (!(await agree(engine, port, shape, signal))) {
        void release(engine);
        return OpenedPatch.open(id, settings, policy, signal, opLog, shape);
      }
      const opened = new OpenedPatch(id, engine, port, evicted, slot);
      guarded(() => port.limit(policy.threshold, policy.maxBytes));
      if (settings.backend === "indexeddb") guarded(() => port.lookAfterContents());
      if (policy.persist && persisted() !== true) void requestPersistence();
      return opened;
    } catch (error) {
      void release(engine);
      throw error;
    }
  }

  /** The op-log; its calls are InvalidArgument where writes are not logged. */
  get opLog(): OpLog {
    return (this.#opLog ??= new PatchLog(this.#handle, this.#port));
  }

  get keyring(): Keyring {
    return (this.#keys ??= new PatchKeys(this.#handle, this.#port));
  }

  rekey(to: Encryption): Promise<void> {
    const keys = (this.#keys ??= new PatchKeys(this.#handle, this.#port));
    return keys.rekey(this.#slot, this.#engine.slots, to);
  }

  kv(storeName: string): PatchKV {
    return this.#stores.kv(storeName);
  }

  db(storeName: string): PatchDB {
    return this.#stores.db(storeName);
  }

  node(nodeId: string): { readonly kv: PatchKV; readonly db: PatchDB } {
    return this.#stores.node(nodeId);
  }

  get blobs(): Blobs {
    return (this.#blobs ??= new PatchBlobs(this.#handle, this.#port));
  }

  get meta(): Meta {
    return this.#stores.meta;
  }

  /** For `internals.ts`. */
  async [PARTS](): Promise<AdapterParts> {
    const port = await this.#handle.whole((whole) => whole(this.#port).adapterLater());
    return { handle: this.#handle, port };
  }

  kvObject(at: { node: string; name?: string }): MessageObject<KvMessage, KvOutput> {
    return kvObject(this.#handle, this.#stores, at);
  }

  dbObject(at: { node: string; name?: string }): MessageObject<DbMessage, DbOutput> {
    return dbObject(this.#handle, this.#stores, at);
  }

  async transaction<T>(
    work: (tx: Tx) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    return transact(this.#handle, this.#port, work, options);
  }

  async flush(): Promise<void> {
    return this.#handle.call(() => this.#port.flush()) as Promise<void>;
  }

  async compact(): Promise<void> {
    await this.#handle.steps(async (own) => {
      try {
        await own.call(() => this.#port.collectContents());
      } finally {
        // Whatever is damaged among the contents.
        await own.call(() => this.#port.compact());
      }
    });
  }

  async stats(): Promise<PatchStats> {
    const numbers = this.#handle.call(() => this.#port.stats()) as Promise<Float64Array>;
    const [[records, liveBytes, logBytes, garbageBytes, blobBytes], origin] = (await Promise.all([
      numbers,
      originEstimate(),
    ])) as [[number, number, number, number, number] & Float64Array, { usage: number; quota: number }];
    return {
      records,
      liveBytes,
      logBytes,
      garbageBytes,
      blobBytes,
      originUsage: origin.usage,
      originQuota: origin.quota,
    };
  }

  async nodes(): Promise<{ node: string; bytes: number }[]> {
    const flat = (await this.#handle.call(() => this.#port.nodes())) as (string | number)[];
    const found: { node: string; bytes: number }[] = [];
    for (let at = 0; at < flat.length; at += 2) {
      found.push({ node: flat[at] as string, bytes: flat[at + 1] as number });
    }
    return found;
  }

  async deleteNode(node: string): Promise<boolean> {
    const n = name(node, "node id");
    return this.#handle.call(() => this.#port.deleteNode(n)) as Promise<boolean>;
  }

  async copyNode(from: string, to: string): Promise<void> {
    const [f, t] = [name(from, "from"), name(to, "to")];
    return this.#handle.whole((whole) => whole(this.#port).copyNodeLater(f, t)) as Promise<void>;
  }

  async importPlain(
    databaseName: string,
    options?: ImportOptions,
  ): Promise<{ imported: number; kept: number }> {
    return importPlain(this.#handle, this.#port, databaseName, options);
  }

  on<E extends keyof PatchEvents>(event: E, listener: (e: PatchEvents[E]) => void): () => void {
    this.#handle.check();
    func("listener", listener);
    const remove = this.#events.add(event, listener);
    this.#attend();
    return () => {
      remove();
      this.#attend();
    };
  }

  /** Tells the engine whether to look for other tabs' commits. Without listeners, it looks only when calls need it. */
  #attend(): void {
    this.#subscription?.attend(this.#events.hears("change") || this.#events.hears("closed"));
  }

  serve(port: MessagePort, grant: Grant): { close(): void } {
    return this.#sandboxes.serve(this.#handle, this.#port, port, grant);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close("closed");
    return this.#closing;
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  async #close(reason: ClosedReason): Promise<void> {
    this.#handle.end();
    this.#stopListening();
    await this.#handle.idle();
    await release(this.#engine);
    this.#sandboxes.end();
    this.#events.emit("closed", { reason });
  }

  /** Called from inside wasm, so listeners run in a microtask, after wasm has returned. */
  #changed(remote: boolean, scopes: string[]): void {
    this.#engine.trace?.leave();
    if (!this.#events.hears("change")) return;
    queueMicrotask(() => this.#events.emit("change", { remote, scopes: scopesOf(scopes) }));
  }

  /** Called from inside wasm, too. */
  #short(usage: number, quota: number, action: QuotaAction): void {
    queueMicrotask(() => this.#events.emit("quota", { usage, quota, action }));
  }

  /** Handles the end of the engine when no handle closed it. */
  #ended(reason: ClosedReason): void {
    forget(this.#engine);
    if (reason === "deleted") this.#engine.trace?.forget();
    queueMicrotask(() => {
      this.#closing ??= this.#close(reason);
    });
  }
}

/** Whether the browser has dropped what the patch held; what it holds from now on leaves a trace. */
async function wasEvicted(engine: Engine, port: PatchPort): Promise<boolean> {
  engine.trace ??= new Trace(engine.settings.database, guarded(() => port.incarnation()));
  const evicted = await engine.trace.isEvicted();
  if (guarded(() => port.heldBytes()) > 0) engine.trace.leave();
  return evicted;
}
