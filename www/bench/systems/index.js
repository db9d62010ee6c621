/**
 * The systems, each in a module of its own whose default export is:
 *
 *   title           as it is printed
 *   packages        npm packages whose versions are named; none for what the browser brings
 *   acknowledges    what a resolved write promises
 *   fewer           optional: {work id: how often}, where it is slow and foreseeably so
 *   rounds          optional: in how many rounds it takes part, where all of it is slow
 *   skips           optional: {work id: why}, what it cannot do or is not asked to
 *   logs            optional: whether it keeps a log of writes when it is told to (`open(name, { opLog: true })`):
 *                   then what is opened has also `log`, and `setMany(entries)`
 *   indexes         optional: whether it has indexes: then `open(name, { indexes: fields })` makes one over each field, and what is opened has also
 *                   `whereIndexed(field, value)` and `range(field, from, limit)`: those from a value on, in their order
 *   pages           optional: whether it goes on behind a document: `pageAfter(field, count, docs)`, behind the last of `docs`, if given
 *   files(name)     optional: opens a store of files, where it has one: `put(key, bytes)`, `get(key)` to an ArrayBuffer, `close()`
 *   only            optional: what it has of all this, where it is no database: the names of what items ask
 *   load()          optional: what has to be there before the first database is opened (wasm, workers)
 *   open(name)      opens the database, making it if need be; resolves to:
 *     insertMany(docs)   stores documents, resolves to their ids
 *     insert(doc)        stores one, resolves to its id
 *     get(id)            one document
 *     all()              all documents, each a fresh object or, where the system says so, frozen
 *     where(field, value)  those whose field has that value
 *     update(id, changes)  merges fields into one document, atomically
 *     deleteMany(ids)
 *     set(key, value), read(key)   a key-value store beside the documents
 *     settled()          optional: when what was acknowledged is stored
 *     close()
 *   wasmBytes()     optional: wasm memory outside of the page
 *   remove(name)    deletes the database, which is closed
 */
export const systems = {
  patchstore: () => import("./patchstore.js"),
  encrypted: () => import("./encrypted.js"),
  indexeddb: () => import("./indexeddb.js"),
  "indexeddb-commit": () => import("./indexeddb-commit.js"),
  idb: () => import("./idb.js"),
  "idb-keyval": () => import("./idb-keyval.js"),
  dexie: () => import("./dexie.js"),
  localforage: () => import("./localforage.js"),
  pouchdb: () => import("./pouchdb.js"),
  rxdb: () => import("./rxdb.js"),
  replicache: () => import("./replicache.js"),
  sqlite: () => import("./sqlite.js"),
  opfs: () => import("./opfs.js"),
  packed: () => import("./packed.js"),
};
