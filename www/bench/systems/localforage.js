/** localForage on IndexedDB. It has no bulk calls and no atomic update. */
import localforage from "localforage";

const instances = (name) =>
  ["documents", "kv"].map((storeName) => localforage.createInstance({ name, storeName, driver: localforage.INDEXEDDB }));

export default {
  title: "localForage",
  packages: ["localforage"],
  acknowledges: "complete (relaxed)",
  rounds: 1,
  skips: { large: "takes minutes", "large-reopen": "takes minutes" },
  async open(name) {
    const [documents, kv] = instances(name);
    await documents.ready();
    await kv.ready();
    const all = async (keep = () => true) => {
      const found = [];
      await documents.iterate((doc) => {
        // What is returned here, unless undefined, ends the walk.
        if (keep(doc)) found.push(doc);
      });
      return found;
    };
    const insert = async (doc) => {
      const id = crypto.randomUUID();
      await documents.setItem(id, { ...doc, id });
      return id;
    };
    return {
      insertMany: (docs) => Promise.all(docs.map(insert)),
      insert,
      get: (id) => documents.getItem(id),
      all: () => all(),
      where: (field, value) => all((doc) => doc[field] === value),
      update: async (id, changes) => documents.setItem(id, { ...(await documents.getItem(id)), ...changes }),
      deleteMany: (ids) => Promise.all(ids.map((id) => documents.removeItem(id))),
      idOf: (doc) => doc.id,
      set: (key, value) => kv.setItem(key, value),
      read: (key) => kv.getItem(key),
      // It has no close: the page's end closes.
      close: async () => {},
    };
  },
  remove: (name) => localforage.dropInstance({ name }),
};
