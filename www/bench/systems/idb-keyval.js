/** idb-keyval: a database for each store, a transaction for each call. */
import { clear, createStore, delMany, get, set, setMany, update, values } from "idb-keyval";

const documentsOf = (name) => createStore(name, "documents");
const kvOf = (name) => createStore(`${name}-kv`, "kv");

export default {
  title: "idb-keyval",
  packages: ["idb-keyval"],
  acknowledges: "complete (relaxed)",
  skips: { large: "as plain IndexedDB", "large-reopen": "as plain IndexedDB" },
  fewer: { puts: 1000, sets: 1000 },
  async open(name) {
    const [documents, kv] = [documentsOf(name), kvOf(name)];
    // Stores open at their first use.
    await Promise.all([get("", documents), get("", kv)]);
    return {
      async insertMany(docs) {
        const ids = docs.map(() => crypto.randomUUID());
        await setMany(docs.map((doc, at) => [ids[at], { ...doc, id: ids[at] }]), documents);
        return ids;
      },
      async insert(doc) {
        const id = crypto.randomUUID();
        await set(id, { ...doc, id }, documents);
        return id;
      },
      get: (id) => get(id, documents),
      all: () => values(documents),
      where: async (field, value) => (await values(documents)).filter((doc) => doc[field] === value),
      update: (id, changes) => update(id, (doc) => ({ ...doc, ...changes }), documents),
      deleteMany: (ids) => delMany(ids, documents),
      idOf: (doc) => doc.id,
      set: (key, value) => set(key, value, kv),
      read: (key) => get(key, kv),
      // It has no close: the page's end closes.
      close: async () => {},
    };
  },
  remove: (name) => Promise.all([clear(documentsOf(name)), clear(kvOf(name))]),
};
