import { BlobReader } from "../bridge/blobs.js";
import type { Handle } from "../bridge/handle.js";
import { invalid } from "../base/errors.js";
import { Tally } from "../base/limits.js";
import { sameBytes } from "../values/copy.js";
import type { Encoded, Snapshot } from "../values/snapshot.js";
import { restore } from "../values/values.js";
import { document } from "./document.js";

/** Says what is stored in the place of documents. It gets them without `_id`, `_created` and `_updated`, and may be asked
 *  again. */
export interface Check {
  /** At once, inside of the write; throws what the write is to fail with. */
  readonly now?: (doc: object) => unknown;
  /** Of several documents, for who cannot answer at once. */
  readonly later?: (docs: object[]) => Promise<unknown>;
}

/** As wasm calls it: with the encoded document and its id, and without any after the last of a run. */
export type WasmCheck = (object: Encoded | undefined, id: string) => Encoded | undefined;

/** A document for which there is no answer yet, or one whose Blobs were not read. */
interface Lacking {
  readonly id: string;
  readonly object: Encoded;
  taken?: Snapshot | undefined;
}

/** Most documents, and bytes of them, that are asked of at once. */
const PAGE_DOCS = 256;
const PAGE_BYTES = 1024 * 1024;

const WHAT = "what the schema makes of a document";

/** Compared by identity, so it cannot be confused with an error that wasm or a schema throws. */
const STOP = { message: "the check stopped the write" };

/**
 * Writes what was taken once `check` has had its say in the write itself: it sees what would be stored, in each run. Where an
 * answer is not there at once, nothing is written, the answers are awaited, and the write is made again with those that are still
 * about the same document.
 */
export function checked<T>(
  handle: Handle,
  taken: Snapshot,
  check: Check | undefined,
  write: (check?: WasmCheck) => Promise<T>,
): Promise<T> {
  if (check === undefined) return handle.send(taken, () => write()) as Promise<T>;
  let checking: Checking | undefined;
  const done = handle.steps((own) => (checking = new Checking(handle, own, check)).run(taken, write));
  // What is called from now on would come before another run.
  if (!checking?.isThrough) handle.block(done);
  return done;
}

class Checking {
  readonly #handle: Handle;
  readonly #own: Handle;
  readonly #check: Check;
  readonly #ready = new Map<string, { readonly object: Encoded; readonly value: Encoded }>();
  readonly #tally = new Tally("what a schema is asked of takes");
  #lacking: Lacking[] = [];
  /** Lets later calls go on. */
  #release: (() => void) | undefined;
  /** Whether a run has come to its end. */
  isThrough = false;

  constructor(handle: Handle, own: Handle, check: Check) {
    this.#handle = handle;
    this.#own = own;
    this.#check = check;
  }

  async run<T>(taken: Snapshot, write: (check: WasmCheck) => Promise<T>): Promise<T> {
    let call = (): T | Promise<T> => this.#handle.send(taken, () => write(this.#inside));
    try {
      for (;;) {
        this.#lacking = [];
        try {
          return await call();
        } catch (error) {
          if (error !== STOP) throw error;
        }
        await this.#prepare();
        call = () => this.#own.call(() => write(this.#inside));
      }
    } finally {
      this.#release?.();
    }
  }

  readonly #inside: WasmCheck = (object, id) =>
    this.#handle.inside(() => (object === undefined ? this.#end() : this.#one(object, id)));

  #one(object: Encoded, id: string): Encoded {
    const ready = this.#ready.get(id);
    if (ready !== undefined && same(ready.object, object)) return ready.value;
    const { now } = this.#check;
    const taken = now && document(now(restore(object) as object), WHAT);
    if (taken !== undefined && taken.gaps === undefined) return taken.encoded;
    this.#tally.add(object.length);
    this.#lacking.push({ id, object, taken });
    // (It is not written: `#end` stops the run.)
    return object;
  }

  #end(): undefined {
    this.isThrough = true;
    if (this.#lacking.length === 0) return;
    // Later calls wait for this one. (The first time, others cannot have come before it yet.)
    if (this.#release === undefined) this.#handle.block(new Promise<void>((resolve) => (this.#release = resolve)));
    throw STOP;
  }

  async #prepare(): Promise<void> {
    const lacking = this.#lacking;
    for (let from = 0; from < lacking.length; ) {
      const page = pageOf(lacking, from);
      from += page.length;
      if (this.#check.later !== undefined) await ask(page, this.#check.later);
      for (const { id, object, taken } of page) {
        if (taken === undefined) continue;
        this.#tally.add(taken.encoded.length);
        await new BlobReader(this.#own.place).fill(taken);
        this.#ready.set(id, { object, value: taken.encoded });
      }
    }
  }
}

function pageOf(lacking: readonly Lacking[], from: number): Lacking[] {
  const page: Lacking[] = [];
  let bytes = 0;
  for (let at = from; at < lacking.length && page.length < PAGE_DOCS && bytes < PAGE_BYTES; at++) {
    const each = lacking[at] as Lacking;
    page.push(each);
    bytes += each.object.length;
  }
  return page;
}

async function ask(page: readonly Lacking[], later: (docs: object[]) => Promise<unknown>): Promise<void> {
  const answers = await later(page.map(({ object }) => restore(object) as object));
  if (!Array.isArray(answers) || answers.length !== page.length) throw invalid("there is no answer for each document");
  page.forEach((each, at) => (each.taken = document(answers[at], WHAT)));
}

export function same(a: Encoded | undefined, b: Encoded | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  return sameBytes(a, b);
}
