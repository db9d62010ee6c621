import type { DB } from "../base/types.js";
import { done, SET_STORE, type Argument, type Operations } from "./operations.js";

const COLLECTION: Argument = { field: "collection", kind: "name", what: "a collection" };
const ID: Argument = { field: "id", kind: "key", what: "an id" };
const DOC: Argument = { field: "doc", kind: "object", what: "a document" };
const QUERY: Argument = { field: "query", kind: "object", what: "a query", optional: true };
const OPTIONS: Argument = {
  field: "options",
  kind: "options",
  what: "options",
  optional: true,
  names: ["sort", "skip", "limit", "fields"],
};

export const DB_OPERATIONS: Operations<DB> = {
  insert: { takes: [COLLECTION, DOC], run: async (db, c, doc) => ({ id: await db.insert(c, doc) }) },
  find: {
    takes: [COLLECTION, QUERY, OPTIONS],
    run: async (db, c, query, options) => {
      const docs = await db.find(c, query, options);
      return { docs, count: docs.length };
    },
  },
  findOne: { takes: [COLLECTION, ID], run: async (db, c, id) => ({ doc: await db.findOne(c, id) }) },
  update: {
    takes: [COLLECTION, ID, DOC],
    run: async (db, c, id, doc) => ({ ok: await db.update(c, id, doc) }),
  },
  replace: {
    takes: [COLLECTION, ID, DOC],
    run: async (db, c, id, doc) => ({ ok: await db.replace(c, id, doc) }),
  },
  delete: { takes: [COLLECTION, ID], run: async (db, c, id) => ({ ok: await db.delete(c, id) }) },
  count: {
    takes: [COLLECTION, QUERY],
    run: async (db, c, query) => ({ count: await db.count(c, query) }),
  },
  drop: { takes: [COLLECTION], run: (db, c) => db.drop(c).then(done) },
  setStore: SET_STORE,
};
