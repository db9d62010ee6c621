/** IndexedDB as it is usually written: one transaction per call, promises around its events. */

export const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export const complete = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });

export const removeDatabase = (name) => result(indexedDB.deleteDatabase(name));

/** `finish` is called with each write transaction once all its requests are made. */
export async function openPlain(name, finish, { indexes = [] } = {}) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => {
    const documents = opening.result.createObjectStore("documents", { keyPath: "id" });
    for (const field of indexes) documents.createIndex(field, field);
    opening.result.createObjectStore("kv");
  };
  const database = await result(opening);
  const read = (store) => database.transaction(store).objectStore(store);
  const write = (store, work) => {
    const transaction = database.transaction(store, "readwrite");
    work(transaction.objectStore(store), () => finish(transaction));
    return complete(transaction);
  };
  return {
    async insertMany(docs) {
      const ids = docs.map(() => crypto.randomUUID());
      await write("documents", (store, end) => {
        docs.forEach((doc, at) => store.put({ ...doc, id: ids[at] }));
        end();
      });
      return ids;
    },
    async insert(doc) {
      const id = crypto.randomUUID();
      await write("documents", (store, end) => {
        store.put({ ...doc, id });
        end();
      });
      return id;
    },
    get: (id) => result(read("documents").get(id)),
    all: () => result(read("documents").getAll()),
    where: async (field, value) =>
      (await result(read("documents").getAll())).filter((doc) => doc[field] === value),
    whereIndexed: (field, value) => result(read("documents").index(field).getAll(value)),
    range: (field, from, limit) => result(read("documents").index(field).getAll(IDBKeyRange.lowerBound(from), limit)),
    update: (id, changes) =>
      write("documents", (store, end) => {
        store.get(id).onsuccess = ({ target }) => {
          store.put({ ...target.result, ...changes });
          end();
        };
      }),
    deleteMany: (ids) =>
      write("documents", (store, end) => {
        for (const id of ids) store.delete(id);
        end();
      }),
    idOf: (doc) => doc.id,
    set: (key, value) =>
      write("kv", (store, end) => {
        store.put(value, key);
        end();
      }),
    read: (key) => result(read("kv").get(key)),
    close: async () => database.close(),
  };
}

/** Files as Blobs, one record each. */
async function files(name) {
  const store = await openPlain(name, () => {});
  return {
    put: (key, bytes) => store.set(key, new Blob([bytes])),
    get: async (key) => (await store.read(key)).arrayBuffer(),
    close: store.close,
  };
}

export default {
  title: "IndexedDB",
  packages: [],
  acknowledges: "complete (relaxed)",
  indexes: true,
  open: (name, options) => openPlain(name, () => {}, options),
  files,
  remove: removeDatabase,
};
