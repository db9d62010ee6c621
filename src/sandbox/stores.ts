import { abortable, throwIfAborted } from "../facade/base/abort.js";
import type { Collection, DB, FindOptions, KeyRange, Query } from "../facade/base/types.js";
import { argument, bare, copy, isObject } from "./copy.js";
import { invalid } from "./failure.js";
import type { CallOptions, Link } from "./link.js";
import { liveOf } from "./live.js";
import type { SandboxKV } from "./types.js";
import { validated } from "./validated.js";

const MAX_UNITS = 1000;

/** Checks a name for a method that throws synchronously. The host checks everything else. */
function named(what: string, value: unknown, least = 1): void {
  const isName = typeof value === "string" && value.length >= least && value.length <= MAX_UNITS;
  if (!isName) throw invalid(`${what} must be a string of ${least} to ${MAX_UNITS} UTF-16 code units`);
}

function changing(change: any): (old: any) => unknown {
  if (typeof change !== "function") throw invalid("change must be a function");
  return change;
}

/** The text of what a mark belongs to; none for what the host refuses. */
function keyOf(place: unknown[]): string | undefined {
  try {
    return JSON.stringify(place);
  } catch {
    return undefined;
  }
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
  const abortableAsk = async (method: string, args: unknown[], options: any, ...more: unknown[]) => {
    const signal: AbortSignal | undefined = options?.signal;
    if (signal !== undefined && typeof signal?.addEventListener !== "function") {
      throw invalid("signal must be an AbortSignal");
    }
    throwIfAborted(signal);
    return abortable(ask(method, ...args, bare(options), ...more), signal);
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
      return send("update", [argument(key)], { change: changing(change) });
    },
    watch(key, listener) {
      named("key", key, 0);
      if (typeof listener !== "function") throw invalid("listener must be a function");
      return link.watch("kv.watch", store, [key], { hear: listener });
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
  /** What the mark of a find belongs to; and the options, in which the document of `after` is exchanged for its mark, if it has one. */
  const marked = (collection: string, options: any) => {
    const { after, sort } = Object(options);
    const of = keyOf([store, collection, sort]);
    const end = link.ends.get(after);
    const mark = end && end.of === of ? end.mark : undefined;
    return { of, mark, options: mark ? { ...options, after: undefined } : options };
  };
  /** Reads documents. Behind them comes the mark of the last one. */
  const read = async (method: string, collection: string, query: unknown, given: any): Promise<any[]> => {
    const { of, mark: known, options } = marked(collection, given);
    const docs = await abortableAsk(method, [collection, query], options, known);
    const mark = docs.pop();
    const last = docs.at(-1);
    if (last) link.ends.set(last, { of, mark: [mark, last._id] });
    return docs;
  };
  async function* pages(collection: string, query: unknown, options: any): AsyncGenerator<any, void, undefined> {
    for (let left = options?.limit ?? Infinity; ; ) {
      const docs = await read("page", collection, query, options);
      const last = docs.at(-1);
      // It stands for the last one, which may be changed.
      const after = {};
      if (last) link.ends.set(after, link.ends.get(last)!);
      left -= docs.length;
      options = { ...options, limit: left, skip: 0, after };
      for (const doc of docs) {
        throwIfAborted(options.signal);
        yield doc;
      }
      if (!last || left <= 0) return;
    }
  }
  const db: DB = {
    async insert(collection, doc) {
      return send("insert", [argument(collection), copy(doc)]);
    },
    async replace(collection, id, doc) {
      return send("replace", [argument(collection), argument(id), copy(doc)]);
    },
    async update(collection, id, changes, options) {
      return send("update", [argument(collection), argument(id), copy(changes), bare(options)]);
    },
    async upsert(collection, doc, options) {
      return send("upsert", [argument(collection), copy(doc), bare(options)]);
    },
    async updateMany(collection, query, changes, options) {
      return send("updateMany", [argument(collection), argument(query), copy(changes), bare(options)]);
    },
    async insertMany(collection, docs, options) {
      const rows = rowsOf(docs, copy);
      return send("insertMany", [argument(collection), rows, bare(options)], { rows });
    },
    async modify(collection, id, change) {
      return send("modify", [argument(collection), argument(id)], { change: changing(change) });
    },
    deleteMany: (collection, query) => ask("deleteMany", collection, query),
    find: (collection: string, query?: Query, options?: FindOptions) => read("find", collection, query, options),
    findOne: async (collection: string, idOrQuery: string | Query, options?: FindOptions) =>
      (await read("findOne", collection, idOrQuery, options))[0] ?? null,
    iterate(collection: string, query?: Query, options?: any) {
      link.check();
      const taken = isObject(options) ? { ...bare({ ...options, after: undefined }), after: options.after, signal: options.signal } : options;
      return pages(collection, argument(query), taken);
    },
    distinct: (collection, field, query) => ask("distinct", collection, field, query),
    explain: (collection, query, options) => abortableAsk("explain", [collection, query], options),
    delete: (collection, id) => ask("delete", collection, id),
    count: (collection, query) => ask("count", collection, query),
    drop: (collection) => ask("drop", collection),
    collections: () => ask("collections"),
    createIndex: (collection, fields, options) => ask("createIndex", collection, fields, options),
    dropIndex: (collection, fields) => ask("dropIndex", collection, fields),
    indexes: (collection) => ask("indexes", collection),
    define: (collection, definition, options) => ask("define", collection, definition, options),
    watch(collection, query, listener, options) {
      named("collection name", collection);
      const { mark, options: exchanged } = marked(collection, options);
      return liveOf(link, store, [collection, query, exchanged, mark], listener, options);
    },
    collection(name, options) {
      named("collection name", name);
      link.check();
      const all = collectionOf(db, name);
      const schema = options?.schema;
      return schema === undefined ? all : { ...all, ...validated(link, store, name, schema, bare, changing) };
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
  const methods = "insert insertMany find findOne iterate update replace modify upsert updateMany deleteMany delete count distinct explain watch drop createIndex dropIndex indexes define".split(" ");
  return Object.fromEntries(
    methods.map((method) => [method, (...args: unknown[]) => db[method](name, ...args)]),
  ) as any;
}
