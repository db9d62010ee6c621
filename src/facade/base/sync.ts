import type { Scope } from "./data.js";

/** A write of one record, for other devices. */
export interface OpLogEntry {
  id: number;
  op: "PUT" | "REMOVE";
  /** Where the write went: a key-value store, or a collection of a document store. */
  target: { kind: "kv" | "db"; scope: Scope; collection?: string };
  key: string;
  /** What was written; a document whole. What is in its Blobs is in memory as long as they are, as far as it could be read, up to 256 MiB
   *  of a page: `encodeEntries` sends it along. */
  value?: unknown;
  /** When it was written, by a hybrid logical clock: sortable text, unique per write: 12 hex digits of ms, 5 of a
   *  counter, the device id. */
  hlc: string;
  /** Milliseconds since the epoch at which the record expires. */
  expires?: number;
  /** The version of the data's shape under which it was written; absent: none. */
  version?: number;
}

/** A constraint that an applied entry breaks, for the application to resolve. */
export type Violation = {
  target: OpLogEntry["target"];
  key: string;
  kind: "unique" | "reference";
  ids: string[];
};

/**
 * The op-log of a patch that was opened with `opLog: true` at least once: an entry per record written, in the same commit,
 * whichever tab writes. Without it, every call here is InvalidArgument.
 */
export interface OpLog {
  /** Made once, kept in the patch. A copy of the patch has one of its own. */
  readonly deviceId: string;
  /** The stamp that a write made now would get. */
  now(): string;
  /** Committed entries that are neither marked nor pruned, oldest first, ids ascending and never used again. */
  pending(options?: { after?: number; limit?: number }): Promise<OpLogEntry[]>;
  /** How many are pending. */
  count(): Promise<number>;
  /** Marks entries with id <= the number, or with those ids: no longer pending, deleted when room is needed. How many. */
  markSynced(upTo: number | number[]): Promise<number>;
  /** Deletes entries with id <= the number, or with those ids, marked or not. How many. */
  prune(upTo: number | number[]): Promise<number>;
  /**
   * Forgets removals older than a stamp that every replica has seen. The stamp is kept: `apply` refuses what is older
   * where nothing is known of its record, so that nothing removed comes back. How many were forgotten.
   * @throws PatchStoreError code InvalidArgument (a stamp to come, too)
   */
  collectTombstones(beforeHlc: string): Promise<number>;
  /**
   * Applies writes of other devices: the last writer wins, record by record. Not logged again. `applied` counts what
   * changed the state. Refused are a stamp more than an hour ahead of this clock ("clock"), one below the floor of
   * collected removals where nothing is known of its record ("floor"), and one of another version ("version").
   * @throws PatchStoreError code InvalidArgument (one that is no entry; nothing is applied) | NotStorable | Conflict
   *   (this realm itself writes the records all the while) | …
   */
  apply(entries: Iterable<Omit<OpLogEntry, "id">>): Promise<{
    applied: number;
    refused: { hlc: string; why: "clock" | "floor" | "version" }[];
    violations: Violation[];
  }>;
  /**
   * What is live, or removed, below a path of the Merkle tree, as entries for `apply`. `after`: the key of the last
   * entry of the page before; entries of one key in several stores come in one page, which may exceed `limit`.
   */
  records(path?: string, options?: { after?: string; limit?: number }): Promise<Omit<OpLogEntry, "id">[]>;
  /** The digest of a path ("" is the root), over live records that do not expire, and those of its children by path. A
   *  leaf has none. */
  merkle(path?: string): Promise<{ hash: string; children: Record<string, string> }>;
  /** Called with each entry committed from now on, by any tab. Returns the unsubscribe. */
  watch(listener: (entry: OpLogEntry) => void): () => void;
}
