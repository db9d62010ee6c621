/** IndexedDB as it is usually written: one transaction per call. */

const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const complete = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });

export async function openPlain() {
  const opening = indexedDB.open("plain", 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("kv");
    opening.result.createObjectStore("documents", { autoIncrement: true });
  };
  const database = await result(opening);
  const write = (store) => database.transaction(store, "readwrite", { durability: "relaxed" });
  const read = (store) => database.transaction(store, "readonly").objectStore(store);
  return {
    insertMany(docs) {
      const transaction = write("documents");
      const store = transaction.objectStore("documents");
      for (const doc of docs) store.put(doc);
      return complete(transaction);
    },
    set(key, value) {
      const transaction = write("kv");
      transaction.objectStore("kv").put(value, key);
      return complete(transaction);
    },
    get: (key) => result(read("kv").get(key)),
    update(key, change) {
      const transaction = write("kv");
      const store = transaction.objectStore("kv");
      store.get(key).onsuccess = ({ target }) => store.put(change(target.result), key);
      return complete(transaction);
    },
    all: () => result(read("documents").getAll()),
    query: async (group) => (await result(read("documents").getAll())).filter((doc) => doc.group === group),
    close: () => database.close(),
  };
}
