/** SQLite in a worker, on the origin-private file system by its pool of access handles. */

let worker, last = 0;
const waiting = new Map();

function call(method, ...parameters) {
  const id = ++last;
  worker.postMessage({ id, method, parameters });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function answered({ data: { id, result, error } }) {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  error === undefined ? resolve(result) : reject(new Error(error));
}

const parsed = (texts) => texts.map((text) => JSON.parse(text));

export default {
  title: "SQLite (OPFS, SAH pool)",
  packages: ["@sqlite.org/sqlite-wasm"],
  acknowledges: "flushed to disk",
  /** It stores JSON: no Dates. */
  json: true,
  skips: { tabs: "this pool is one tab's alone" },
  fewer: { put: 50, puts: 100, sets: 100, update: 50, "set-100": 50, "set-10k": 50 },
  async load() {
    worker = new Worker(new URL("./sqlite-worker.js", import.meta.url), { type: "module" });
    worker.onmessage = answered;
    await call("load");
  },
  indexes: true,
  async open(name, { indexes = [] } = {}) {
    await call("open", name, indexes);
    return {
      async insertMany(docs) {
        const ids = docs.map(() => crypto.randomUUID());
        await call("insertMany", name, docs.map((doc, at) => [ids[at], JSON.stringify({ ...doc, id: ids[at] })]));
        return ids;
      },
      async insert(doc) {
        const id = crypto.randomUUID();
        await call("insertMany", name, [[id, JSON.stringify({ ...doc, id })]]);
        return id;
      },
      get: async (id) => parsed(await call("get", name, id))[0],
      all: async () => parsed(await call("all", name)),
      where: async (field, value) => parsed(await call("where", name, field, value)),
      whereIndexed: async (field, value) => parsed(await call("whereIndexed", name, field, value)),
      range: async (field, from, limit) => parsed(await call("range", name, field, from, limit)),
      update: (id, changes) => call("update", name, id, JSON.stringify(changes)),
      deleteMany: (ids) => call("deleteMany", name, ids),
      idOf: (doc) => doc.id,
      set: (key, value) => call("set", name, key, value),
      read: (key) => call("read", name, key),
      close: () => call("close", name),
    };
  },
  wasmBytes: () => call("wasmBytes"),
  remove: (name) => call("remove", name),
};
