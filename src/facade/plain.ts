/**
 * Reads databases in the plain layout. This is a separate module with its own wasm, loaded by the first
 * import. It throws [code, message, cause], from which the facade makes its errors.
 */
import type { PatchStoreError } from "./base/errors.js";
import { notCompiled, wasmOf } from "./bridge/wasm.js";
import init, { openSource, type PlainSource } from "../../target/glue/patchstore_import.js";

/** How much one read returns at most: units of encoded text, and values. */
const READ_UNITS = 1024 * 1024;
const READ_ITEMS = 1000;
/** How long to wait for the source. */
const PATIENCE_MS = 10_000;

/** A store, a key in it, its value, and a description of the source's key for error messages. */
export type Found = readonly [store: string, key: string, value: unknown, at: string];

/** Opens an existing database; never creates or upgrades one. */
export async function open(database: string, format: string): Promise<Plain> {
  const where = `the database ${JSON.stringify(database)}`;
  try {
    const wasm = await wasmOf(new URL("patchstore_import_bg.wasm", import.meta.url));
    await init({ module_or_path: wasm }).catch((cause: unknown) => {
      throw notCompiled("", cause);
    });
  } catch (error) {
    const { code, message, cause } = error as PatchStoreError;
    throw [code, message, cause];
  }
  const opening = openSource(database);
  try {
    return new Plain(await intime(where, opening), where, format);
  } catch (refusal) {
    opening.then((late) => late.close(), () => {});
    throw refusal;
  }
}

/** An open source database, read from beginning to end in key order. */
export class Plain {
  readonly #source: PlainSource;
  readonly #where: string;
  readonly #format: string;
  #after: unknown;
  #limit = 1;
  #isEnd = false;

  constructor(source: PlainSource, where: string, format: string) {
    this.#source = source;
    this.#where = where;
    this.#format = format;
  }

  /** Restarts at the first key. */
  rewind(): void {
    this.#after = undefined;
    this.#limit = 1;
    this.#isEnd = false;
  }

  /** The next values; an empty list at the end. `units`, the size of the previous ones, determines how many. */
  async next(units: number): Promise<Found[]> {
    if (this.#isEnd) return [];
    if (this.#after !== undefined) {
      const fitting = Math.floor((this.#limit * READ_UNITS) / (units + 1));
      this.#limit = Math.max(1, Math.min(4 * this.#limit, READ_ITEMS, fitting));
    }
    const [keys, values] = await intime(this.#where, this.#source.read(this.#after, this.#limit));
    this.#isEnd = keys.length < this.#limit;
    this.#after = keys.at(-1);
    return keys.map((at, nth) => this.#found(at, values[nth]));
  }

  close(): void {
    this.#source.close();
  }

  #found(at: unknown, value: unknown): Found {
    if (typeof at === "string") {
      const shown = `${JSON.stringify(at)} of ${this.#where}`;
      const colon = at.indexOf(":");
      if (this.#format === "colon") {
        if (colon >= 0) return [at.slice(0, colon), at.slice(colon + 1), value, shown];
      } else if (/^(0|[1-9]\d*):/.test(at)) {
        const end = colon + 1 + Number(at.slice(0, colon));
        if (at[end] === ":") return [at.slice(colon + 1, end), at.slice(end + 1), value, shown];
      }
    }
    const shown = typeof at === "string" ? JSON.stringify(at) : `(not a string, but ${kindOf(at)})`;
    const message = `${this.#where} is not in the plain layout: its key ${shown} is not in the format "${this.#format}"`;
    throw ["UnsupportedFormat", message];
  }
}

function kindOf(key: unknown): string {
  return typeof key === "number" ? "a number" : Array.isArray(key) ? "an array" : "an object";
}

/** The result, or a Blocked refusal if it takes longer than PATIENCE_MS. */
async function intime<T>(where: string, result: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const blocked = new Promise<never>((_, reject) => {
    const message = `${where} cannot be read: something has held it for ${PATIENCE_MS} ms`;
    timer = setTimeout(reject, PATIENCE_MS, ["Blocked", message]);
  });
  try {
    return await Promise.race([result, blocked]);
  } finally {
    clearTimeout(timer);
  }
}
