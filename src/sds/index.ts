/**
 * A persistence provider for sync engines that keep a snapshot, patches since then, and large values: a module of its own
 * (`patchstore/sds`) over the package's, which it loads.
 */
import { openPatch, type Encryption, type OpenOptions, type Patch } from "../facade/index.js";
import { Calls } from "./calls.js";
import { boundOf, clockOf, invalid, nameOf, taken } from "./given.js";
import { History } from "./history.js";
import { Values } from "./values.js";

export interface PersistenceOptions {
  /** The IndexedDB database is named `${prefix}${dbName}`. Default "patchstore_". */
  prefix?: string;
  /** Handed on to `openPatch`. */
  encryption?: Encryption;
}

/** In front of the id of a store, in the names of the stores of the patch. */
const NAMES = "sds ";

/** An open patch, and what of it is this store's. */
interface Opened {
  readonly patch: Patch;
  readonly history: History;
  readonly values: Values;
}

export class PatchPersistenceProvider {
  readonly #dbName: string;
  readonly #store: string;
  readonly #options: OpenOptions;
  readonly #calls = new Calls(() => this.#open());
  /** Under way, or done. */
  #opened: Promise<Opened> | undefined;
  #closing: Promise<void> | undefined;

  constructor(dbName: string, storeId: string, options?: PersistenceOptions) {
    this.#dbName = nameOf("dbName", dbName);
    this.#store = nameOf("storeId", storeId, NAMES);
    this.#options = optionsOf(options);
  }

  async loadSnapshot(): Promise<Uint8Array | undefined> {
    return this.#calls.single(({ history }) => history.snapshot());
  }

  async saveSnapshot(data: Uint8Array, clock?: number): Promise<void> {
    this.#calls.check();
    const at = clock === undefined ? undefined : clockOf("clock", clock);
    const bytes = taken("data", data);
    return this.#calls.single(({ history }) => history.saveSnapshot(bytes, at));
  }

  async loadPatchesSince(clock: number): Promise<Uint8Array[]> {
    const after = boundOf("clock", clock);
    return this.#calls.single(({ history }) => history.since(after));
  }

  async appendPatch(patch: Uint8Array, clock: number): Promise<void> {
    this.#calls.check();
    const at = clockOf("clock", clock);
    const bytes = taken("patch", patch);
    return this.#calls.single(({ history }) => history.append(bytes, at));
  }

  async prunePatches(before: number): Promise<void> {
    const below = boundOf("before", before);
    return this.#calls.whole(({ history }) => history.prune(below));
  }

  async saveValue(name: string, data: Uint8Array): Promise<void> {
    this.#calls.check();
    const n = nameOf("name", name);
    const bytes = taken("data", data, Infinity);
    return this.#calls.whole(({ values }) => values.save(n, bytes));
  }

  async loadValue(name: string): Promise<Uint8Array | undefined> {
    const n = nameOf("name", name);
    return this.#calls.whole(({ values }) => values.load(n));
  }

  async releaseValue(name: string): Promise<void> {
    const n = nameOf("name", name);
    return this.#calls.single(({ values }) => values.release(n));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#calls.end();
    // (Whoever has waited for the opening was told why it failed.)
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.patch.close();
  }

  /** Opens the patch, unless that is under way or done. Where it fails, the next call tries again. */
  #open(): Promise<Opened> {
    if (this.#opened !== undefined) return this.#opened;
    const opening = this.#openNow();
    this.#opened = opening;
    opening.catch(() => {
      if (this.#opened === opening) this.#opened = undefined;
    });
    return opening;
  }

  async #openNow(): Promise<Opened> {
    const patch = await openPatch(this.#dbName, this.#options);
    try {
      const [history, values] = [new History(patch, this.#store), new Values(patch, this.#store)];
      await history.prepare();
      // After a deletion calls are Closed, so that nothing appears again that somebody has removed.
      patch.on("closed", ({ reason }) => {
        if (reason === "lost" || reason === "versionchange") this.#opened = undefined;
      });
      return { patch, history, values };
    } catch (error) {
      await patch.close();
      throw error;
    }
  }
}

function optionsOf(options: PersistenceOptions | undefined): OpenOptions {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null) throw invalid("options must be an object");
  const { prefix, encryption, ...more } = options;
  const [other] = Object.keys(more);
  if (other !== undefined) throw invalid(`options.${other} is not an option; the options are prefix, encryption`);
  return { ...(prefix !== undefined && { prefix }), ...(encryption !== undefined && { encryption: kept(encryption) }) };
}

/** The key as it is now: it may be wiped before the first call. */
function kept(encryption: Encryption): Encryption {
  return encryption !== null && "key" in encryption && encryption.key instanceof Uint8Array ? { key: encryption.key.slice() } : encryption;
}
