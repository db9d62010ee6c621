/**
 * Replicache without a server. It acknowledges what is in memory and persists in the background;
 * what it hands out is shared and must not be changed. It keeps every mutation, since no server confirms any.
 */
import { dropDatabase, Replicache, TEST_LICENSE_KEY } from "replicache";

/** How long it may take at most until what was written is persisted: each mutation is run again for it. */
const PERSISTED_MS = 90_000;
/** Fewer bytes than a document takes on disk, compressed. */
const DOCUMENT_BYTES = 100;

const usage = async () => (await navigator.storage.estimate()).usage;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** There is no call for it: what the origin takes grows by as much as was inserted, and then no more. */
async function persisted(bytes) {
  const deadline = performance.now() + PERSISTED_MS;
  for (let last = -1, now = 0; performance.now() < deadline && (now !== last || now < bytes); await sleep(700)) {
    [last, now] = [now, await usage()];
  }
}

const mutators = {
  async putMany(tx, entries) {
    for (const [key, value] of entries) await tx.set(key, value);
  },
  put: (tx, [key, value]) => tx.set(key, value),
  async update(tx, [key, changes]) {
    await tx.set(key, { ...(await tx.get(key)), ...changes });
  },
  async deleteMany(tx, keys) {
    for (const key of keys) await tx.del(key);
  },
};

const databases = new Map();

export default {
  title: "Replicache",
  packages: ["replicache"],
  acknowledges: "not durable yet",
  /** It stores JSON: no Dates. */
  json: true,
  rounds: 2,
  // It keeps every mutation: each makes what follows slower.
  fewer: { sets: 1000, update: 200 },
  async open(name) {
    const rep = new Replicache({ name, licenseKey: TEST_LICENSE_KEY, mutators, logLevel: "error" });
    databases.set(name, rep.idbName);
    // It opens at the first use.
    await rep.query((tx) => tx.has(""));
    const all = () => rep.query((tx) => tx.scan({ prefix: "d/" }).values().toArray());
    const before = await usage();
    let inserted = 0;
    const settled = () => persisted(before + inserted * DOCUMENT_BYTES);
    const key = (id) => `d/${id}`;
    return {
      async insertMany(docs) {
        const ids = docs.map(() => crypto.randomUUID());
        inserted += docs.length;
        await rep.mutate.putMany(docs.map((doc, at) => [key(ids[at]), { ...doc, id: ids[at] }]));
        return ids;
      },
      async insert(doc) {
        const id = crypto.randomUUID();
        inserted++;
        await rep.mutate.put([key(id), { ...doc, id }]);
        return id;
      },
      get: (id) => rep.query((tx) => tx.get(key(id))),
      all,
      where: async (field, value) => (await all()).filter((doc) => doc[field] === value),
      update: (id, changes) => rep.mutate.update([key(id), changes]),
      deleteMany: (ids) => rep.mutate.deleteMany(ids.map(key)),
      idOf: (doc) => doc.id,
      set: (name, value) => rep.mutate.put([`k/${name}`, value]),
      read: (name) => rep.query((tx) => tx.get(`k/${name}`)),
      settled,
      async close() {
        if (inserted >= 1000) await settled();
        await rep.close();
      },
    };
  },
  remove: (name) => dropDatabase(databases.get(name)),
};
