/** This package. */
import { init, openPatch } from "patchstore";
import { removeDatabase } from "./indexeddb.js";

export default {
  title: "patchstore",
  packages: ["patchstore"],
  acknowledges: "complete (relaxed)",
  load: () => init(),
  logs: true,
  async open(name, options) {
    const patch = await openPatch(name, options);
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
      log: patch.opLog,
      read: (key) => kv.get(key),
      close: () => patch.close(),
    };
  },
  remove: (name) => removeDatabase(`patchstore_${name}`),
};
