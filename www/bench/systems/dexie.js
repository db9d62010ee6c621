/** Dexie: bulk calls where it has them, no index but the primary key unless asked for. */
import Dexie from "dexie";

export default {
  title: "Dexie",
  packages: ["dexie"],
  acknowledges: "complete (relaxed)",
  skips: { large: "as plain IndexedDB", "large-reopen": "as plain IndexedDB" },
  fewer: { puts: 1000, sets: 1000 },
  indexes: true,
  async open(name, { indexes = [] } = {}) {
    const db = new Dexie(name);
    db.version(1).stores({ documents: ["id", ...indexes].join(), kv: "key" });
    await db.open();
    return {
      async insertMany(docs) {
        const ids = docs.map(() => crypto.randomUUID());
        await db.documents.bulkAdd(docs.map((doc, at) => ({ ...doc, id: ids[at] })));
        return ids;
      },
      insert: (doc) => db.documents.add({ ...doc, id: crypto.randomUUID() }),
      get: (id) => db.documents.get(id),
      all: () => db.documents.toArray(),
      where: (field, value) => db.documents.filter((doc) => doc[field] === value).toArray(),
      whereIndexed: (field, value) => db.documents.where(field).equals(value).toArray(),
      range: (field, from, limit) => db.documents.where(field).aboveOrEqual(from).limit(limit).toArray(),
      update: (id, changes) => db.documents.update(id, changes),
      deleteMany: (ids) => db.documents.bulkDelete(ids),
      idOf: (doc) => doc.id,
      set: (key, value) => db.kv.put({ key, value }),
      read: async (key) => (await db.kv.get(key))?.value,
      close: async () => db.close(),
    };
  },
  remove: (name) => Dexie.delete(name),
};
