/**
 * The floor: one record of JSON per commit, calls made meanwhile gathered into the next, all data
 * as text in a Map. No tabs, no transactions, no merging, and opening reads everything.
 */
import { complete, removeDatabase, result } from "./indexeddb.js";

async function openPacked(name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("log", { autoIncrement: true });
  const database = await result(opening);
  const documents = new Map();
  const kv = new Map();
  const apply = ([store, key, text]) => {
    const map = store === "d" ? documents : kv;
    text === null ? map.delete(key) : map.set(key, text);
  };
  for (const record of await result(database.transaction("log").objectStore("log").getAll())) {
    JSON.parse(record).forEach(apply);
  }

  let gathered = [], settled = null, flight = null;
  async function send() {
    await flight;
    const batch = gathered;
    [gathered, settled] = [[], null];
    const transaction = database.transaction("log", "readwrite");
    transaction.objectStore("log").put(JSON.stringify(batch));
    transaction.commit();
    await (flight = complete(transaction));
  }
  /** Shows at once, and resolves when it is committed. */
  function write(operations) {
    operations.forEach(apply);
    for (const operation of operations) gathered.push(operation);
    return (settled ??= send());
  }
  const parsed = (text) => (text === undefined ? undefined : JSON.parse(text));
  const all = () => JSON.parse(`[${[...documents.values()].join()}]`);

  return {
    async insertMany(docs) {
      const ids = docs.map(() => crypto.randomUUID());
      await write(docs.map((doc, at) => ["d", ids[at], JSON.stringify({ ...doc, id: ids[at] })]));
      return ids;
    },
    async insert(doc) {
      const id = crypto.randomUUID();
      await write([["d", id, JSON.stringify({ ...doc, id })]]);
      return id;
    },
    get: async (id) => parsed(documents.get(id)),
    all: async () => all(),
    where: async (field, value) => all().filter((doc) => doc[field] === value),
    update: (id, changes) => write([["d", id, JSON.stringify({ ...parsed(documents.get(id)), ...changes })]]),
    deleteMany: (ids) => write(ids.map((id) => ["d", id, null])),
    idOf: (doc) => doc.id,
    set: (key, value) => write([["k", key, JSON.stringify(value)]]),
    read: async (key) => parsed(kv.get(key)),
    close: async () => {
      await settled;
      await flight;
      database.close();
    },
  };
}

export default {
  title: "floor: packed, Map",
  packages: [],
  acknowledges: "complete (relaxed)",
  /** It stores JSON: no Dates. */
  json: true,
  skips: { tabs: "it knows of no other tab" },
  open: openPacked,
  remove: removeDatabase,
};
