/** idb: IndexedDB with promises, by the shortcuts of its documentation. */
import { deleteDB, openDB } from "idb";

export default {
  title: "idb",
  packages: ["idb"],
  acknowledges: "complete (relaxed)",
  skips: { large: "as plain IndexedDB", "large-reopen": "as plain IndexedDB" },
  fewer: { puts: 1000, sets: 1000 },
  async open(name) {
    const db = await openDB(name, 1, {
      upgrade(db) {
        db.createObjectStore("documents", { keyPath: "id" });
        db.createObjectStore("kv");
      },
    });
    const together = async (work) => {
      const tx = db.transaction("documents", "readwrite");
      await Promise.all([...work(tx.store), tx.done]);
    };
    return {
      async insertMany(docs) {
        const ids = docs.map(() => crypto.randomUUID());
        await together((store) => docs.map((doc, at) => store.put({ ...doc, id: ids[at] })));
        return ids;
      },
      insert: (doc) => db.put("documents", { ...doc, id: crypto.randomUUID() }),
      get: (id) => db.get("documents", id),
      all: () => db.getAll("documents"),
      where: async (field, value) => (await db.getAll("documents")).filter((doc) => doc[field] === value),
      async update(id, changes) {
        const tx = db.transaction("documents", "readwrite");
        const doc = await tx.store.get(id);
        await Promise.all([tx.store.put({ ...doc, ...changes }), tx.done]);
      },
      deleteMany: (ids) => together((store) => ids.map((id) => store.delete(id))),
      idOf: (doc) => doc.id,
      set: (key, value) => db.put("kv", value, key),
      read: (key) => db.get("kv", key),
      close: async () => db.close(),
    };
  },
  remove: (name) => deleteDB(name),
};
