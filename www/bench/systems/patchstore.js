/** This package. */
import { exportPatch, importPatch, init, openPatch } from "patchstore";
import { removeDatabase } from "./indexeddb.js";

/** What an open patch is to the benchmark. */
export function opened(patch) {
  const documents = patch.db("bench").collection("documents");
  const kv = patch.kv("bench");
  return {
    insertMany: (docs) => documents.insertMany(docs),
    insert: (doc) => documents.insert(doc),
    get: (id) => documents.findOne(id),
    all: () => documents.find(),
    where: (field, value) => documents.find({ [field]: value }),
    update: (id, changes) => documents.update(id, changes),
    deleteMany: (ids) => Promise.all(ids.map((id) => documents.delete(id))),
    idOf: (doc) => doc._id,
    set: (key, value) => kv.set(key, value),
    setMany: (entries) => kv.setMany(entries),
    watch: (query, listener) => documents.watch(query, listener),
    log: patch.opLog,
    read: (key) => kv.get(key),
    whereIndexed: (field, value) => documents.find({ [field]: value }),
    range: (field, from, limit) => documents.find({ [field]: { $gte: from } }, { sort: { [field]: 1 }, limit }),
    pageAfter: (field, limit, docs) => documents.find({}, { sort: { [field]: 1 }, limit, after: docs?.at(-1) }),
    close: () => patch.close(),
  };
}

export default {
  title: "patchstore",
  packages: ["patchstore"],
  acknowledges: "complete (relaxed)",
  load: () => init(),
  logs: true,
  watches: true,
  indexes: true,
  pages: true,
  async open(name, { indexes, ...options } = {}) {
    const patch = await openPatch(name, options);
    for (const field of indexes ?? []) await patch.db("bench").createIndex("documents", field);
    return opened(patch);
  },
  archives: {
    out: async (name) => new Response(await exportPatch(name)).blob(),
    in: async (name, blob) => (await importPatch(name, blob)).records,
  },
  async files(name) {
    const patch = await openPatch(name);
    const refs = patch.kv("files");
    return {
      async put(key, bytes) {
        await refs.set(key, await patch.blobs.put(bytes));
      },
      get: async (key) => (await patch.blobs.get(await refs.get(key))).arrayBuffer(),
      close: () => patch.close(),
    };
  },
  remove: (name) => removeDatabase(`patchstore_${name}`),
};
