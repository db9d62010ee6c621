import type { DB, KV } from "./data.js";

/** Lines of JSON, as `docs/JSON-LINES.md` describes them: UTF-8, one object a line. Leave bytes unchanged while they are imported. */
export type LinesSource = ReadableStream<Uint8Array> | Blob | BufferSource | string;

export interface ExportLinesOptions {
  /** Aborting errors the stream with the signal's reason. */
  signal?: AbortSignal;
}

export interface ImportLinesOptions {
  /** What becomes of a line whose id or key is there already, also by an earlier line. "error" (the default) is Exists; "skip" leaves what is there;
   *  "replace" puts the line in its place: a document as by {@link DB.replace}, so that it keeps its `_created`. */
  onConflict?: "error" | "skip" | "replace";
  /** Told after each batch. What it throws ends the import. */
  onProgress?: (soFar: ImportedLines) => void;
  /** Aborting rejects with the signal's reason. What `onProgress` was told of is stored. */
  signal?: AbortSignal;
}

/** What an import has stored. */
export interface ImportedLines {
  /** All lines up to this number have been dealt with, blank ones too. */
  lines: number;
  inserted: number;
  replaced: number;
  skipped: number;
  /** Pairs that have expired meanwhile, and were left out. */
  expired: number;
}

/** A key-value store of a patch: all of {@link KV}, and its content as lines of JSON (not over ports). */
export interface PatchKV extends KV {
  /**
   * Every pair, by key, one a line: `{"key": …, "value": …}`, with `expires` where it expires. Nothing is read ahead of the reader; what is held is
   * about 1 MiB of pairs, or one. Each such part is of one moment; all of it is in a transaction. The stream errors with LimitExceeded for
   * a line of more than 256 MiB.
   */
  exportJsonLines(options?: ExportLinesOptions): ReadableStream<Uint8Array>;
  /**
   * Stores the pairs of such lines, in batches of about 4 MiB; in a transaction, as part of it. An error names the line in `line`, and in `linesDone` how many lines from the start
   * are stored: those of earlier batches; nothing of its own batch is.
   * @throws PatchStoreError code InvalidArgument (no such line) | Exists | LimitExceeded (above 256 MiB) | NotStorable | UnsupportedFormat |
   *   Unavailable (the source broke off)
   */
  importJsonLines(source: LinesSource, options?: ImportLinesOptions): Promise<ImportedLines>;
  store(name: string): PatchKV;
}

/** A document store of a patch: all of {@link DB}, and collections as lines of JSON (not over ports). */
export interface PatchDB extends DB {
  /** Every document of a collection in order of insertion, one a line, as {@link DB.iterate} pages through them; else as {@link PatchKV.exportJsonLines}. */
  exportJsonLines(collection: string, options?: ExportLinesOptions): ReadableStream<Uint8Array>;
  /** Inserts the documents of such lines, in their order, with the `_id`, `_created` and `_updated` that they give; else as {@link PatchKV.importJsonLines}. What the collection
   *  is defined to keep holds: a line that breaks it is ConstraintViolation. */
  importJsonLines(collection: string, source: LinesSource, options?: ImportLinesOptions): Promise<ImportedLines>;
  store(name: string): PatchDB;
}
