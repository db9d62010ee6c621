import { abortable, throwIfAborted } from "../facade/base/abort.js";
import type { Collection, DB, FindOptions, KeyRange, Query } from "../facade/base/types.js";
import { argument, copy } from "./copy.js";
import { invalid } from "./failure.js";
import type { CallOptions, Link } from "./link.js";
import type { SandboxKV } from "./types.js";

const MAX_UNITS = 1000;

/** Checks a name for a method that throws synchronously. The host checks everything else. */
function named(what: string, value: unknown, least = 1): void {
  const isName = typeof value === "string" && value.length >= least && value.length <= MAX_UNITS;
  if (!isName) throw invalid(`${what} must be a string of ${least} to ${MAX_UNITS} UTF-16 code units`);
}

/** The options without the properties that cannot be sent. */
function bare(options: any): any {
  const isObject = typeof options === "object" && options !== null && !Array.isArray(options);
  return argument(isObject ? { ...options, signal: undefined, transfer: undefined } : options);
}

/** The rows of a batch; undefined if they are not iterable, which the host refuses. */
function rowsOf(rows: any, row: (each: any) => unknown): unknown[] | undefined {
  return typeof rows?.[Symbol.iterator] === "function" ? Array.from(rows, row) : undefined;
}

const pair = (entry: any) => (entry?.length >= 2 ? [argument(entry[0]), copy(entry[1]), argument(entry[2])] : null);

function caller(link: Link, kind: string, store: string | null) {
  const send = (method: string, args: unknown[], options?: CallOptions) =>
    link.call(`${kind}.${method}`, store, args, options);
  const ask = async (method: string, ...args: unknown[]) => send(method, args.map(argument));
  /** Makes a call whose options may have a signal. */
  const abortableAsk = async (method: string, args: unknown[], options: any) => {
    const signal: AbortSignal | undefined = options?.signal;
    if (signal !== undefined && typeof signal?.addEventListener !== "function") {
      throw invalid("signal must be an AbortSignal");
    }
    throwIfAborted(signal);
    return abortable(ask(method, ...args, bare(options)), signal);
  };
  return { send, ask, abortableAsk };
}

export function kvOf(link: Link, store: string | null): SandboxKV {
  const { send, ask, abortableAsk } = caller(link, "kv", store);
  async function* pages(range: any): AsyncGenerator<[string, any], void, undefined> {
    const signal: AbortSignal | undefined = range?.signal;
    for (let rest = range; ; ) {
      const page: [string, any][] = await abortableAsk("page", [], rest);
      const last = page.at(-1)?.[0];
      for (const entry of page) {
        throwIfAborted(signal);
        yield entry;
      }
      const limit = (rest?.limit ?? Infinity) - page.length;
      if (last === undefined || limit <= 0) return;
      rest = { ...rest, limit, [rest?.reverse ? "lt" : "gt"]: last };
    }
  }
  return {
    get: (key) => ask("get", key),
    has: (key) => ask("has", key),
    delete: (key) => ask("delete", key),
    getMany: (keys) => ask("getMany", keys),
    deleteMany: (keys) => ask("deleteMany", keys),
    clear: () => ask("clear"),
    keys: (range?: KeyRange) => abortableAsk("keys", [], range),
    entries: (range?: KeyRange) => abortableAsk("entries", [], range),
    count: (range?: KeyRange) => abortableAsk("count", [], range),
    iterate: pages,
    async set(key, value, options) {
      return send("set", [argument(key), copy(value), bare(options)], { transfer: options?.transfer });
    },
    async setMany(entries) {
      const rows = rowsOf(entries, pair);
      return send("setMany", [rows], { rows });
    },
    async update(key, change) {
      if (typeof change !== "function") throw invalid("change must be a function");
      return send("update", [argument(key)], { change });
    },
    watch(key, listener) {
      named("key", key, 0);
      if (typeof listener !== "function") throw invalid("listener must be a function");
      return link.watch(store, key, listener);
    },
    store(name) {
      named("store name", name);
      link.check();
      return kvOf(link, name);
    },
  };
}

export function dbOf(link: Link, store: string | null): DB {
  const { send, ask, abortableAsk } = caller(link, "db", store);
  const write = async (method: string, doc: unknown, ...keys: unknown[]) =>
    send(method, [...keys.map(argument), copy(doc)]);
  const db: DB = {
    insert: (collection, doc) => write("insert", doc, collection),
    update: (collection, id, changes) => write("update", changes, collection, id),
    replace: (collection, id, doc) => write("replace", doc, collection, id),
    async insertMany(collection, docs) {
      const rows = rowsOf(docs, copy);
      return send("insertMany", [argument(collection), rows], { rows });
    },
    find: (collection: string, query?: Query, options?: FindOptions) =>
      abortableAsk("find", [collection, query], options),
    findOne: (collection, idOrQuery) => ask("findOne", collection, idOrQuery),
    delete: (collection, id) => ask("delete", collection, id),
    count: (collection, query) => ask("count", collection, query),
    drop: (collection) => ask("drop", collection),
    collections: () => ask("collections"),
    collection(name) {
      named("collection name", name);
      link.check();
      return collectionOf(db, name);
    },
    store(name) {
      named("store name", name);
      link.check();
      return dbOf(link, name);
    },
  };
  return db;
}

function collectionOf(db: any, name: string): Collection<any> {
  const methods = "insert insertMany find findOne update replace delete count drop".split(" ");
  return Object.fromEntries(
    methods.map((method) => [method, (...args: unknown[]) => db[method](name, ...args)]),
  ) as any;
}
