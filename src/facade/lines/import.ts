import { abortable, throwIfAborted } from "../base/abort.js";
import { isPatchStoreError, PatchStoreError, type Evidence } from "../base/errors.js";
import type { ImportedLines, ImportLinesOptions, LinesSource } from "../base/lines.js";
import { BATCH_BYTES, BATCH_LINES } from "./bounds.js";
import { objectOf } from "./decode.js";
import type { ImportSettings, OnConflict } from "./options.js";
import { chunksOf, Lines, type Chunks } from "./split.js";

/** What a line holds, ready to be stored. */
export type Row<T> = T & { readonly line: number };

/** Says which line of a batch an error is about. */
export class LineError {
  constructor(
    /** 0: which one is not known. */
    readonly line: number,
    readonly error: unknown,
  ) {}
}

/** Where lines go. */
export interface Sink<T> {
  /** The level of nesting of a line's object: see {@link objectOf}. */
  readonly level: 0 | 1;
  /** Checks the object of a line. Throws what is wrong with it. */
  take(object: object): T;
  /** Stores rows: all of them or, with an error, none. Throws a {@link LineError}. */
  store(rows: readonly Row<T>[], onConflict: OnConflict): Promise<Omit<ImportedLines, "lines">>;
}

/** Reads a source and stores its lines in batches. */
export async function importLines<T>(source: LinesSource, { onConflict, onProgress, signal }: ImportSettings, sink: Sink<T>): Promise<ImportedLines> {
  const chunks = chunksOf(source);
  const run = new Import(chunks, sink, onConflict, signal, onProgress);
  try {
    // (Perhaps while this was being loaded.)
    throwIfAborted(signal);
    return await run.all();
  } catch (error) {
    chunks.cancel(error);
    throw error;
  }
}

class Import<T> {
  readonly #lines: Lines;
  readonly #sink: Sink<T>;
  readonly #onConflict: OnConflict;
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: ImportLinesOptions["onProgress"];
  readonly #soFar: ImportedLines = { lines: 0, inserted: 0, replaced: 0, skipped: 0, expired: 0 };
  #rows: Row<T>[] = [];
  #bytes = 0;

  constructor(chunks: Chunks, sink: Sink<T>, onConflict: OnConflict, signal: AbortSignal | undefined, onProgress: ImportLinesOptions["onProgress"]) {
    this.#lines = new Lines(chunks);
    this.#sink = sink;
    this.#onConflict = onConflict;
    this.#signal = signal;
    this.#onProgress = onProgress;
  }

  async all(): Promise<ImportedLines> {
    for (;;) {
      const row = await this.#next();
      if (row !== undefined) this.#rows.push(row);
      if (row === undefined || this.#bytes >= BATCH_BYTES || this.#rows.length >= BATCH_LINES) await this.#store();
      if (row === undefined) return { ...this.#soFar };
    }
  }

  /** The next line; undefined at the end. */
  async #next(): Promise<Row<T> | undefined> {
    try {
      const line = await abortable(this.#lines.next(), this.#signal);
      if (line === undefined) return undefined;
      this.#bytes += line.bytes;
      return { ...this.#sink.take(objectOf(line.text, this.#sink.level)), line: line.number };
    } catch (error) {
      throwIfAborted(this.#signal);
      const own = isPatchStoreError(error) ? error : new PatchStoreError("Unavailable", `the source broke off: ${String(error)}`, { cause: error });
      // planted: lines-half-a-batch
      throw this.#located(this.#lines.at, own);
    }
  }

  async #store(): Promise<void> {
    throwIfAborted(this.#signal);
    const rows = this.#rows;
    const [from, to] = [this.#soFar.lines + 1, this.#lines.at];
    if (rows.length > 0) {
      try {
        const stored = await this.#sink.store(rows, this.#onConflict);
        for (const name of ["inserted", "replaced", "skipped", "expired"] as const) this.#soFar[name] += stored[name];
      } catch (thrown) {
        const { line, error } = thrown instanceof LineError ? thrown : new LineError(0, thrown);
        throw isPatchStoreError(error) ? this.#located(line, error, `lines ${from} to ${to}`) : error;
      }
    }
    this.#rows = [];
    this.#bytes = 0;
    this.#soFar.lines = to;
    if (to >= from) this.#onProgress?.({ ...this.#soFar });
  }

  /** @param otherwise where it is if the line is not known */
  #located(line: number, error: PatchStoreError, otherwise = ""): PatchStoreError {
    const { code, message, remedy, cause, path, ids, issues, usage, quota } = error;
    const { lines } = this.#soFar;
    const evidence: Evidence = { remedy, cause, path, ids, issues, usage, quota, line: line > 0 ? line : undefined, linesDone: lines };
    const stored = lines === 0 ? "nothing was stored" : `the lines up to ${lines} are stored`;
    return new PatchStoreError(code, `${line > 0 ? `line ${line}` : otherwise}: ${message}; ${stored}`, evidence);
  }
}
