import { abortable, throwIfAborted } from "../base/abort.js";
import { invalid } from "../base/errors.js";
import { crossing, describe, key, name } from "../base/names.js";
import type { FindOptions, Plan, Query } from "../base/types.js";
import type { Copies, ScopeCopies } from "../bridge/copies.js";
import type { DbPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { breath } from "../bridge/pacer.js";
import { findOptionsOf, paths } from "../values/find.js";
import { queryOf } from "../values/query.js";
import { Asking, type Part } from "./asking.js";
import { endAt, withoutMark, type After, type Place } from "./ends.js";

/** Asks for the places of all documents of a collection. */
const ALL_WITH_PLACES = '{"query":{},"places":true}';
/** The longest question whose answer is kept, in units or bytes: it is looked up by a text of it. */
const MOST_QUESTION = 4096;
/** How much one page counts towards {@link breath}; a call counts 1. */
const PAGE_WEIGHT = 128;

/** Documents, and behind them, if there are any, the mark of the last one. */
type Marked = unknown[];
type Later<T> = T | Promise<T>;

/** What a sandbox asks for, which keeps marks itself. */
export interface Marking {
  readonly mark: unknown;
  readonly page: boolean;
}

/** Finds documents in one store. */
export class Finder {
  readonly #handle: Handle;
  readonly #port: DbPort;
  readonly #copies: ScopeCopies | undefined;
  readonly #scope: string;

  /** @param scope names the store among those of its patch */
  constructor(handle: Handle, port: DbPort, copies: ScopeCopies | undefined, scope: string) {
    this.#handle = handle;
    this.#port = port;
    this.#copies = copies;
    this.#scope = scope;
  }

  find(collection: string, query: Query | undefined, options: FindOptions | undefined): Later<unknown[]> {
    const asking = new Asking(collection, query, options);
    throwIfAborted(asking.options.signal);
    return this.#unmarked(asking, this.#first(asking, undefined));
  }

  findOne(collection: string, idOrQuery: string | Query, options: FindOptions | undefined): Later<unknown> {
    if (typeof idOrQuery === "string" && isPlain(options)) return this.#get(collection, idOrQuery, options?.signal);
    const asking = one(collection, idOrQuery, options);
    throwIfAborted(asking.options.signal);
    return then(this.#unmarked(asking, this.#first(asking, undefined, 1)), (docs) => docs[0] ?? null);
  }

  iterate(collection: string, query: Query | undefined, options: FindOptions | undefined): AsyncIterableIterator<unknown> {
    this.#handle.check();
    const asking = new Asking(collection, query, options).keep();
    return this.#pages(asking, this.after(asking));
  }

  distinct(collection: string, field: string, query: Query | undefined): Later<unknown[]> {
    const c = name(collection, "collection name");
    if (typeof field !== "string") throw invalid(`field must be a string, not ${describe(field)}`);
    const path = crossing(paths("field")(field));
    const q = queryOf(query);
    return this.#handle.send(q, () => this.#port.distinct(c, path, q.encoded, q.patterns) as Later<unknown[]>);
  }

  explain(collection: string, query: Query | undefined, options: FindOptions | undefined): Later<Plan> {
    const asking = new Asking(collection, query, options);
    this.after(asking);
    const q = queryOf(query);
    const { skip, limit } = asking.options;
    const parts = asking.parts({ skip, limit });
    return this.#handle.send(q, () => this.#port.explain(asking.collection, q.encoded, q.patterns, parts) as Later<Plan>);
  }

  /** A find, findOne or page for whoever keeps marks itself. */
  marked(collection: string, idOrQuery: string | Query | undefined, options: FindOptions | undefined, { mark, page }: Marking, most = Infinity): Later<Marked> {
    const asking = most === 1 ? one(collection, idOrQuery as string | Query, options) : new Asking(collection, idOrQuery as Query, options);
    const after = this.after(asking, mark);
    return page ? this.#page(asking.keep(), after, asking.options.skip, asking.options.limit) : this.#first(asking, after, most);
  }

  /** Where the options ask to go on. Throws InvalidArgument.
   *  @param mark the same from whoever keeps marks itself */
  after(asking: Asking, mark?: unknown): After | undefined {
    if (mark !== undefined) {
      if (!isMark(mark)) throw invalid("a mark must be a list of a text and an id");
      return { id: mark[1], mark: mark[0] };
    }
    const { after } = asking.options;
    return after && endAt(after, this.#place(asking));
  }

  #get(collection: string, id: string, signal: AbortSignal | undefined): Later<unknown> {
    const c = name(collection, "collection name");
    const k = key(id, "id");
    throwIfAborted(signal);
    const found = this.#handle.call(() => {
      const read = () => this.#port.get(c, k) as unknown;
      const copies = this.#copiesOf(c);
      return copies === undefined ? read() : copies.one(id, read);
    });
    return abortable(found, signal);
  }

  /** Reads what the options ask for.
   *  @param after where to go on, in place of the document in the options */
  #first(asking: Asking, after: After | undefined, most = Infinity): Later<Marked> {
    const { skip, limit } = asking.options;
    return this.#read(asking, { after: after ?? this.after(asking), skip, limit: Math.min(limit, most) }, true, most > 1 && asking.isWhole);
  }

  /** @param isKept whether it may come from copies  @param isWhole whether from those of all documents, too */
  #read(asking: Asking, part: Part, isKept = false, isWhole = false): Later<Marked> {
    const { collection, patterns } = asking;
    const { asked, wide } = asking.asked(part);
    const parts = asking.parts(part);
    return this.#handle.send(asked, () => {
      const find = (encoded: unknown, isWide: boolean) =>
        this.#port.find(collection, encoded, isWide, patterns, parts) as Later<Marked>;
      const read = () => find(asked.encoded, wide);
      const copies = isKept ? this.#copiesOf(collection) : undefined;
      if (copies === undefined) return read();
      // (What is wide goes on somewhere, or reads other collections.)
      const isAlone = !wide && asked.gaps === undefined && patterns === undefined && asked.encoded.length + (parts?.length ?? 0) <= MOST_QUESTION;
      const answer = () => (isAlone ? copies.answer(`${parts ?? ""} ${asked.encoded}`, read) : read());
      const found = isWhole ? copies.all(asking, (places) => (places ? find(ALL_WITH_PLACES, true) : answer())) : answer();
      return found as Later<Marked>;
    });
  }

  /** A page behind `after`. What is to be skipped comes in pages, too, but without more than its ids. */
  async #page(asking: Asking, after: After | undefined, skip: number, limit: number): Promise<Marked> {
    for (let left = skip; left > 0; ) {
      const found = await this.#read(asking, { after, skip: 0, limit: left, page: true, ids: true });
      const mark = found.pop() as string;
      const last = found.at(-1) as { readonly _id: string } | undefined;
      if (last === undefined) return [];
      after = { id: last._id, mark };
      left -= found.length;
      await breath(PAGE_WEIGHT);
    }
    return this.#read(asking, { after, skip: 0, limit, page: true });
  }

  async *#pages(asking: Asking, from: After | undefined): AsyncGenerator<unknown, void, undefined> {
    const { signal, limit } = asking.options;
    let after = from;
    let { skip } = asking.options;
    for (let left = limit; left > 0; skip = 0) {
      throwIfAborted(signal);
      const page = await abortable(this.#page(asking, after, skip, left), signal);
      const mark = page.at(-1) as string;
      const docs = withoutMark(page, this.#place(asking));
      const last = docs.at(-1) as { readonly _id: string } | undefined;
      if (last === undefined) return;
      // Before they are handed out: the consumer may change them.
      after = { id: last._id, mark };
      left -= docs.length;
      for (const doc of docs) {
        throwIfAborted(signal);
        yield doc;
      }
      await breath(PAGE_WEIGHT);
    }
  }

  #unmarked(asking: Asking, found: Later<Marked>): Later<unknown[]> {
    const place = this.#place(asking);
    return abortable(then(found, (docs) => withoutMark(docs, place)), asking.options.signal);
  }

  #place({ collection, options: { sort, descending } }: Asking): Place {
    return { patch: this.#handle.place, scope: this.#scope, collection, sort, descending };
  }

  #copiesOf(collection: string): Copies | undefined {
    return this.#copies?.of(collection, () => this.#port.changes(collection));
  }
}

/** A find of one document, by its id or a query. */
function one(collection: string, idOrQuery: string | Query, options: FindOptions | undefined): Asking {
  if (idOrQuery === undefined) throw invalid("findOne needs an id or a query, not undefined");
  if (typeof idOrQuery !== "string") return new Asking(collection, idOrQuery, options);
  key(idOrQuery, "id");
  return new Asking(collection, { _id: idOrQuery }, options);
}

/** Whether options ask for no more than the document. */
function isPlain(options: FindOptions | undefined): boolean {
  if (options === undefined) return true;
  const { sort, skip, limit, fields, after, include } = findOptionsOf(options);
  return sort.length === 0 && skip === 0 && limit > 0 && fields === undefined && after === undefined && include === undefined;
}

function isMark(mark: unknown): mark is [mark: string, id: string] {
  return Array.isArray(mark) && mark.length === 2 && mark.every((part) => typeof part === "string");
}

/** The result of `change`, at once if `value` is here. */
function then<T, U>(value: Later<T>, change: (value: T) => U): Later<U> {
  return value instanceof Promise ? value.then(change) : change(value);
}
