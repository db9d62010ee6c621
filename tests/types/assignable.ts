/** Everything promised is there: the package's types can stand in for the restated ones. */

import type * as promised from "./contract.js";
import type * as delivered from "../../src/facade/index.js";
import type * as shipped from "../../pkg/sandbox.js";
import type * as promisedAdapter from "./contract-adapter.js";
import type * as adapter from "../../src/facade/storage-adapter.js";
import type * as shippedAdapter from "../../pkg/storage-adapter.js";
import type * as promisedProvider from "./contract-sds.js";
import type * as provider from "../../src/sds/index.js";
import type * as shippedProvider from "../../pkg/sds.js";
import type * as sandbox from "../../src/sandbox/index.js";

/** Compiles only when `Given` may be used where `Wanted` is expected. */
type Assignable<Wanted, Given extends Wanted> = Given;
/** Compiles only when both are the same set of members. */
type Same<A, B extends A> = [A] extends [B] ? B : never;

export type Values = [
  Assignable<typeof promised.openPatch, typeof delivered.openPatch>,
  Assignable<typeof promised.init, typeof delivered.init>,
  Assignable<typeof promised.listPatches, typeof delivered.listPatches>,
  Assignable<typeof promised.hasPatchData, typeof delivered.hasPatchData>,
  Assignable<typeof promised.deletePatchData, typeof delivered.deletePatchData>,
  Assignable<typeof promised.copyPatch, typeof delivered.copyPatch>,
  Assignable<typeof promised.exportPatch, typeof delivered.exportPatch>,
  Assignable<typeof promised.importPatch, typeof delivered.importPatch>,
  Assignable<typeof promised.encryptPatch, typeof delivered.encryptPatch>,
  Assignable<typeof promised.decryptPatch, typeof delivered.decryptPatch>,
  Assignable<typeof promised.isPatchStoreError, typeof delivered.isPatchStoreError>,
  Assignable<typeof promised.requestPersistence, typeof delivered.requestPersistence>,
  Assignable<typeof promised.storageEstimate, typeof delivered.storageEstimate>,
  Assignable<typeof promised.connect, typeof sandbox.connect>,
  Assignable<typeof promised.connect, typeof shipped.connect>,
  Assignable<typeof shipped.connect, typeof sandbox.connect>,
  Assignable<typeof sandbox.connect, typeof shipped.connect>,
  Assignable<promised.PatchStoreError, InstanceType<typeof delivered.PatchStoreError>>,
];

interface Note {
  text: string;
  done?: boolean;
  tags: string[];
  by: { name: string; at: Date } | null;
  replies: Note[];
}

/** What callers get. */
export type Outputs = [
  Assignable<promised.Meta, delivered.Meta>,
  Assignable<typeof promisedAdapter.PatchStorageAdapter, typeof adapter.PatchStorageAdapter>,
  Assignable<typeof promisedAdapter.PatchStorageAdapter, typeof shippedAdapter.PatchStorageAdapter>,
  Assignable<promisedAdapter.IStorageAdapter, adapter.PatchStorageAdapter>,
  Assignable<typeof promisedProvider.PatchPersistenceProvider, typeof provider.PatchPersistenceProvider>,
  Assignable<typeof promisedProvider.PatchPersistenceProvider, typeof shippedProvider.PatchPersistenceProvider>,
  Assignable<promisedProvider.PersistenceProvider, provider.PatchPersistenceProvider>,
  Assignable<promised.Patch, delivered.Patch>,
  Assignable<promised.Tx, delivered.Tx>,
  Assignable<promised.KV, delivered.KV>,
  Assignable<promised.DB, delivered.DB>,
  Assignable<promised.Collection<{ a: number }>, delivered.Collection<{ a: number }>>,
  Assignable<promised.Collection<Note>, delivered.Collection<Note>>,
  Assignable<promised.Collection<Record<string, any>>, delivered.Collection<Record<string, any>>>,
  Assignable<promised.PatchStatus, delivered.PatchStatus>,
  Assignable<promised.PatchStats, delivered.PatchStats>,
  Assignable<promised.PatchEvents, delivered.PatchEvents>,
  Assignable<promised.Doc, delivered.Doc>,
  Assignable<promised.Stored<{ a: number }>, delivered.Stored<{ a: number }>>,
  Assignable<
    promised.MessageObject<promised.KvMessage, promised.KvOutput>,
    delivered.MessageObject<delivered.KvMessage, delivered.KvOutput>
  >,
];

/** What callers give. */
export type Inputs = [
  Assignable<delivered.OpenOptions, promised.OpenOptions>,
  Assignable<delivered.KeyRange, promised.KeyRange>,
  Assignable<delivered.FindOptions, promised.FindOptions>,
  Assignable<delivered.Query, promised.Query>,
  Assignable<delivered.Query<Note>, promised.Query<Note>>,
  Assignable<delivered.Query<Record<string, any>>, promised.Query<Record<string, any>>>,
  Assignable<delivered.StandardSchemaV1<any, Note>, promised.StandardSchemaV1<any, Note>>,
  Assignable<delivered.Grant, promised.Grant>,
  Assignable<delivered.Storable, promised.Storable>,
  Assignable<delivered.KvMessage, promised.KvMessage>,
  Assignable<delivered.DbMessage, promised.DbMessage>,
];

/** Closed sets: nothing more, nothing less. */
export const closed: [
  Same<promised.ErrorCode, delivered.ErrorCode>,
  Same<promised.Remedy, delivered.Remedy>,
  Same<promised.Durability, delivered.Durability>,
  Same<promised.Scope, delivered.Scope>,
  Same<promised.KvOutput, delivered.KvOutput>,
  Same<promised.DbOutput, delivered.DbOutput>,
  Same<promised.QuotaAction, delivered.QuotaAction>,
] = [
  "Internal",
  "reload",
  "strict",
  { name: "x" },
  { op: "keys", keys: [] },
  { op: "count", collection: "c", count: 0 },
  "full",
];
