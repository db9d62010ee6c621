/**
 * The systems, each in a module of its own whose default export is:
 *
 *   title           as it is printed
 *   packages        npm packages whose versions are named; none for what the browser brings
 *   acknowledges    what a resolved write promises
 *   fewer           optional: {work id: how often}, where it is slow and foreseeably so
 *   skips           optional: {work id: why}, what it cannot do or is not asked to
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
 *     close()
 *   remove(name)    deletes the database, which is closed
 */
export const systems = {
  patchstore: () => import("./patchstore.js"),
  indexeddb: () => import("./indexeddb.js"),
  "indexeddb-commit": () => import("./indexeddb-commit.js"),
  packed: () => import("./packed.js"),
};
