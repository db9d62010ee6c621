import type { KV } from "../base/types.js";
import { done, SET_STORE, type Argument, type Operations } from "./operations.js";

const KEY: Argument = { field: "key", kind: "key", what: "a key" };
const VALUE: Argument = { field: "value", kind: "value", what: "a value" };

export const KV_OPERATIONS: Operations<KV> = {
  get: {
    takes: [KEY],
    run: async (kv, key) => {
      const value = await kv.get(key);
      return { value: value ?? null, found: value !== undefined };
    },
  },
  set: { takes: [KEY, VALUE], run: (kv, key, value) => kv.set(key, value).then(done) },
  delete: { takes: [KEY], run: async (kv, key) => ({ deleted: await kv.delete(key) }) },
  keys: { takes: [], run: async (kv) => ({ keys: await kv.keys() }) },
  clear: { takes: [], run: (kv) => kv.clear().then(done) },
  has: { takes: [KEY], run: async (kv, key) => ({ exists: await kv.has(key) }) },
  setStore: SET_STORE,
};
