/**
 * RxDB on its Dexie storage, the free one for browsers. Queries and documents are cached and
 * shared: what is asked again is answered from memory, with objects that must not be changed.
 */
import { createRxDatabase, removeRxDatabase } from "rxdb/plugins/core";
import { getRxStorageDexie } from "rxdb/plugins/storage-dexie";

const schema = {
  version: 0,
  primaryKey: "id",
  type: "object",
  properties: { id: { type: "string", maxLength: 100 } },
  required: ["id"],
  additionalProperties: true,
};

export default {
  title: "RxDB (Dexie storage)",
  packages: ["rxdb"],
  acknowledges: "complete (relaxed)",
  /** It stores JSON: no Dates. */
  json: true,
  rounds: 1,
  fewer: { puts: 1000, sets: 1000, put: 200, update: 200 },
  skips: { large: "takes minutes", "large-reopen": "takes minutes" },
  async open(name) {
    const database = await createRxDatabase({ name, storage: getRxStorageDexie(), eventReduce: true });
    const { documents, kv } = await database.addCollections({ documents: { schema }, kv: { schema } });
    const plain = (found) => found.map((doc) => doc.toJSON());
    return {
      async insertMany(docs) {
        const ids = docs.map(() => crypto.randomUUID());
        const { error } = await documents.bulkInsert(docs.map((doc, at) => ({ ...doc, id: ids[at] })));
        if (error.length) throw new Error(`${error.length} documents were not inserted`);
        return ids;
      },
      insert: async (doc) => (await documents.insert({ ...doc, id: crypto.randomUUID() })).primary,
      get: async (id) => (await documents.findOne(id).exec())?.toJSON(),
      all: async () => plain(await documents.find().exec()),
      where: async (field, value) => plain(await documents.find({ selector: { [field]: value } }).exec()),
      update: async (id, changes) => (await documents.findOne(id).exec()).patch(changes),
      deleteMany: (ids) => documents.bulkRemove(ids),
      idOf: (doc) => doc.id,
      set: (key, value) => kv.upsert({ id: key, value }),
      read: async (key) => (await kv.findOne(key).exec())?.get("value"),
      close: () => database.close(),
    };
  },
  remove: (name) => removeRxDatabase(name, getRxStorageDexie()),
};
