import { weightOf } from "../values/copy.js";
import type { Encoded } from "../values/snapshot.js";
import { restore } from "../values/values.js";
import type { Row } from "./slices.js";

/** How far a collection's stamp goes on by one batch and nothing else: when its documents are seen, and with its frame
 *  (`models/freshness.rs`). */
const ONE_BATCH = 2;

/** An inserted document that has not been read yet, still encoded. */
export class Inserted {
  readonly #encoded: Encoded;
  readonly #nowMs: number;

  constructor(encoded: Encoded, nowMs: number) {
    this.#encoded = encoded;
    this.#nowMs = nowMs;
  }

  get weight(): number {
    return encodedWeight(this.#encoded);
  }

  /** The document as stored: `_id`, `_created` and `_updated` come first, and replace given ones. */
  parse(id: string): object {
    const own = { _id: id, _created: this.#nowMs, _updated: this.#nowMs };
    // (Taking given ones out first costs half as much as parsing.)
    return { ...own, ...(restore(this.#encoded) as object), ...own };
  }
}

/** The copies of a collection, for a batch of what is inserted there. */
interface Keeping {
  /** A number that differs after each change; NaN if copies may not be read. */
  stamp(): number;
  keep(documents: Iterable<[id: string, document: Inserted]>, bytes: number): void;
}

/** The documents of a batch, kept as they were given when it is stored and nothing else has changed since it was sent. */
export class InsertedMany {
  readonly #nowMs: number;
  readonly #most: number;
  readonly #copies: Keeping;
  #documents: Inserted[] | undefined = [];
  #bytes = 0;

  /** @param most bytes of memory that they may take */
  constructor(nowMs: number, most: number, copies: Keeping) {
    this.#nowMs = nowMs;
    this.#most = most;
    this.#copies = copies;
  }

  /** The next document. Without room for it, none is kept. */
  add({ encoded, gaps, later }: Row): void {
    this.#bytes += encodedWeight(encoded);
    if (gaps !== undefined || later !== undefined || this.#bytes > this.#most) this.#documents = undefined;
    this.#documents?.push(new Inserted(encoded, this.#nowMs));
  }

  /** Sends the batch by `commit`, which gives the ids of its documents in their order. */
  sent(commit: () => Promise<string[]>): Promise<string[]> {
    const sentAt = this.#copies.stamp();
    return commit().then((ids) => (this.#keep(ids, sentAt), ids));
  }

  #keep(ids: readonly string[], sentAt: number): void {
    const documents = this.#documents;
    if (documents === undefined || this.#copies.stamp() !== sentAt + ONE_BATCH) return;
    const bytes = ids.reduce((sum, id) => sum + weightOf(id), this.#bytes);
    this.#copies.keep(ids.map((id, at) => [id, documents[at] as Inserted]), bytes);
  }
}

function encodedWeight(encoded: Encoded): number {
  return weightOf(typeof encoded === "string" ? encoded : encoded.buffer);
}
