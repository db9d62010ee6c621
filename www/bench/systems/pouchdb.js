/** PouchDB in the browser, on its default adapter. It keeps revisions, which the others do not. */
import PouchDB from "pouchdb-browser";

export default {
  title: "PouchDB",
  packages: ["pouchdb-browser"],
  acknowledges: "complete (relaxed)",
  /** It stores JSON: no Dates. */
  json: true,
  rounds: 1,
  fewer: { puts: 1000, sets: 1000, gets: 2000, put: 200, update: 200 },
  skips: { large: "takes minutes", "large-reopen": "takes minutes" },
  async open(name) {
    const [documents, kv] = [new PouchDB(name), new PouchDB(`${name}-kv`)];
    await Promise.all([documents.info(), kv.info()]);
    const all = async (options) => (await documents.allDocs({ include_docs: true, ...options })).rows.map(({ doc }) => doc);
    return {
      insertMany: async (docs) => (await documents.bulkDocs(docs)).map(({ id }) => id),
      insert: async (doc) => (await documents.post(doc)).id,
      get: (id) => documents.get(id),
      all,
      where: async (field, value) => (await all()).filter((doc) => doc[field] === value),
      update: async (id, changes) => documents.put({ ...(await documents.get(id)), ...changes }),
      async deleteMany(ids) {
        const found = await all({ keys: ids });
        await documents.bulkDocs(found.map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })));
      },
      idOf: (doc) => doc._id,
      set: (key, value) => kv.put({ _id: key, value }),
      read: async (key) => (await kv.get(key)).value,
      close: () => Promise.all([documents.close(), kv.close()]),
    };
  },
  remove: (name) => Promise.all([name, `${name}-kv`].map((name) => new PouchDB(name).destroy())),
};
