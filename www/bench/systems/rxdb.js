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

/** Fields that are indexed must be described, and be there. */
const INDEXED = {
  group: { type: "string", maxLength: 20 },
  weight: { type: "number", minimum: 0, maximum: 1000, multipleOf: 0.001 },
};

const indexedBy = (indexes) => ({
  ...schema,
  properties: { ...schema.properties, ...Object.fromEntries(indexes.map((field) => [field, INDEXED[field]])) },
  required: [...schema.required, ...indexes],
  indexes,
});

export default {
  title: "RxDB (Dexie storage)",
  packages: ["rxdb"],
  acknowledges: "complete (relaxed)",
  /** It stores JSON: no Dates. */
  json: true,
  rounds: 1,
  fewer: { puts: 1000, sets: 1000, put: 200, update: 200 },
  skips: { large: "takes minutes", "large-reopen": "takes minutes", "indexed-large": "takes minutes" },
  indexes: true,
  async open(name, { indexes = [] } = {}) {
    const database = await createRxDatabase({ name, storage: getRxStorageDexie(), eventReduce: true });
    const { documents, kv } = await database.addCollections({ documents: { schema: indexedBy(indexes) }, kv: { schema } });
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
      whereIndexed: async (field, value) => plain(await documents.find({ selector: { [field]: value } }).exec()),
      range: async (field, from, limit) =>
        plain(await documents.find({ selector: { [field]: { $gte: from } }, sort: [{ [field]: "asc" }], limit }).exec()),
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
