import { abortable, throwIfAborted } from "../base/abort.js";
import type { ScopeCopies } from "../bridge/copies.js";
import type { KvPort } from "../bridge/glue.js";
import { type Handle, WORK_WEIGHT } from "../bridge/handle.js";
import { iterate, page } from "./iterate.js";
import { invalid } from "../base/errors.js";
import { sendKeys } from "../bridge/keys.js";
import { crossing, describe, key, name } from "../base/names.js";
import { func } from "../base/options.js";
import { atomicOf, type Atomic, type DatedKV, type DatedPage } from "./atomic.js";
import { untilOf } from "./expiry.js";
import { lazyLines, linesPart } from "./json-lines.js";
import { exportSignal, importSettings } from "../lines/options.js";
import { rangeOf, type Range } from "../values/ranges.js";
import { sendRows, type Row } from "../bridge/slices.js";
import type { Expiry, ExportLinesOptions, ImportedLines, ImportLinesOptions, KeyRange, LinesSource, PatchKV } from "../base/types.js";
import { slotOf, update } from "./update.js";
import type { Snapshot } from "../values/snapshot.js";
import { snapshot } from "../values/values.js";
import { watchKey } from "./watch.js";

/** One key-value store of a patch or of a transaction. */
export class KvStore implements PatchKV, DatedKV {
  readonly #handle: Handle;
  readonly #port: KvPort;
  readonly #copies: ScopeCopies | undefined;
  readonly #atomic: (() => Atomic) | undefined;

  /** @param atomic for what takes several calls of its own; without it, that is Internal */
  constructor(handle: Handle, port: KvPort, copies?: ScopeCopies, atomic?: () => Atomic) {
    this.#handle = handle;
    this.#port = port;
    this.#copies = copies;
    this.#atomic = atomic;
  }

  async get<T>(at: string): Promise<T | undefined> {
    const k = key(at);
    return this.#handle.call(() => {
      const read = () => this.#port.get(k);
      const copies = this.#copies?.of("", () => this.#port.changes());
      return copies === undefined ? read() : copies.one(at, read);
    }) as T | undefined;
  }

  async set(at: string, value: unknown, options?: Expiry): Promise<void> {
    const k = key(at);
    const until = untilOf(this.#handle, this.#port, "options", options);
    this.#handle.check();
    return put(this.#handle, this.#port, k, snapshot(value), until);
  }

  async delete(at: string): Promise<boolean> {
    const k = key(at);
    return this.#handle.call(() => this.#port.delete(k), WORK_WEIGHT) as Promise<boolean>;
  }

  async has(at: string): Promise<boolean> {
    const k = key(at);
    return this.#handle.call(() => this.#port.has(k)) as boolean;
  }

  async keys(range?: KeyRange): Promise<string[]> {
    const r = rangeOf(range);
    throwIfAborted(r.signal);
    const result = this.#handle.call(() =>
      this.#port.range(0, r.prefix, r.gt, r.gte, r.lt, r.lte, r.reverse, r.limit),
    );
    return abortable(result, r.signal) as string[];
  }

  async entries<T>(range?: KeyRange): Promise<[string, T][]> {
    const r = rangeOf(range);
    throwIfAborted(r.signal);
    const result = this.#handle.call(() =>
      this.#port.range(1, r.prefix, r.gt, r.gte, r.lt, r.lte, r.reverse, r.limit),
    );
    return abortable(result, r.signal) as [string, T][];
  }

  iterate<T>(range?: KeyRange): AsyncIterableIterator<[string, T]> {
    return iterate<T>(this.#handle, this.#port, range);
  }

  async getMany<T>(keys: string[]): Promise<(T | undefined)[]> {
    return sendKeys(this.#handle, this.#port, keys, {
      short: (port, list) => port.getMany(list),
      long: (batch) => batch.getMany(),
    }) as (T | undefined)[];
  }

  async setMany(entries: Iterable<Entry>): Promise<void> {
    this.#handle.check();
    const until = (what: string, expiry: Expiry) => untilOf(this.#handle, this.#port, what, expiry);
    const rows = entryRows(entries, until);
    const batch = this.#handle.now(() => this.#port.batch());
    return sendRows(this.#handle, rows, batch, () => batch.commit()) as Promise<void>;
  }

  async deleteMany(keys: string[]): Promise<number> {
    return sendKeys(this.#handle, this.#port, keys, {
      short: (port, list) => port.deleteMany(list),
      long: (batch) => batch.deleteMany(),
    }) as Promise<number>;
  }

  async update<T>(
    at: string,
    change: (old: T | undefined) => T | undefined,
  ): Promise<T | undefined> {
    const k = key(at);
    func("change", change);
    this.#handle.check();
    return update(this.#handle, slotOf(this.#port, k), change as (old: unknown) => unknown) as Promise<T>;
  }

  async clear(): Promise<void> {
    return this.#handle.call(() => this.#port.clear()) as Promise<void>;
  }

  async count(range?: KeyRange): Promise<number> {
    const r = rangeOf(range);
    throwIfAborted(r.signal);
    const result = this.#handle.call(() =>
      this.#port.range(3, r.prefix, r.gt, r.gte, r.lt, r.lte, r.reverse, r.limit),
    );
    return abortable(result, r.signal) as number;
  }

  watch<T>(at: string, listener: (value: T | undefined) => void): () => void {
    const k = key(at);
    func("listener", listener);
    return watchKey(this.#handle, this.#port, k, listener as (value: unknown) => void);
  }

  async dated(range: Range): Promise<DatedPage> {
    const entries = await page(this.#handle, this.#port, range);
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) return { entries, expires: [] };
    const [gte, lte] = [crossing(first[0]), crossing(last[0])];
    const dates = this.#handle.call(() => this.#port.range(4, undefined, undefined, gte, undefined, lte, false, Infinity));
    const [, expires] = (await dates) as [string[], Float64Array];
    return { entries, expires };
  }

  exportJsonLines(options?: ExportLinesOptions): ReadableStream<Uint8Array> {
    this.#handle.check();
    const atomic = atomicOf(this.#atomic);
    return lazyLines(({ pairs }) => pairs(atomic), exportSignal(options));
  }

  async importJsonLines(source: LinesSource, options?: ImportLinesOptions): Promise<ImportedLines> {
    this.#handle.check();
    const [atomic, settings] = [atomicOf(this.#atomic), importSettings(options)];
    const { importLines, PairSink } = await linesPart();
    return importLines(source, settings, new PairSink(atomic));
  }

  store(storeName: string): PatchKV {
    const n = name(storeName, "store name");
    const port = this.#handle.now(() => this.#port.store(n));
    const atomic = this.#atomic && (() => atomicOf(this.#atomic).named(n));
    return new KvStore(this.#handle, port, this.#copies?.named(n), atomic);
  }
}

type Entry = readonly [string, unknown] | readonly [string, unknown, Expiry];

/** Stores a value that was taken, until a time, under a key that is ready to cross. */
export function put(handle: Handle, port: KvPort, k: string, taken: Snapshot, until: number): Promise<void> {
  return handle.tell(taken, (done) => port.set(k, taken.encoded, until, done));
}

/** The pairs of a batch, each taken when it is asked for. */
export function* entryRows(entries: Iterable<Entry>, until: (what: string, expiry: Expiry) => number): Generator<Row> {
  if (typeof (entries as Partial<typeof entries> | null)?.[Symbol.iterator] !== "function") {
    throw invalid(`entries must be iterable, not ${describe(entries)}`);
  }
  let at = 0;
  for (const entry of entries) {
    if (typeof entry !== "object" || entry === null || entry.length < 2) {
      throw invalid(`entries[${at}] must be a [key, value] pair, not ${describe(entry)}`);
    }
    const [given, value, expiry] = entry;
    const row: Row = { key: key(given, `the key of entries[${at}]`), ...snapshot(value) };
    yield expiry === undefined ? row : { ...row, until: until(`the expiry of entries[${at}]`, expiry) };
    at += 1;
  }
}
