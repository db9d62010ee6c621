/** Databases in the plain layout and in others, made and looked at with IndexedDB alone. */

const asked = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const ended = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });

/** The key of a store's key. */
export const formats = {
  "length-prefixed": (store, key) => `${store.length}:${store}:${key}`,
  colon: (store, key) => `${store}:${key}`,
};

/** Makes a database; `entries` are pairs of key and value, `options` those of the object store. */
export async function make(name, entries, { version = 1, store = "kv", options, more = [] } = {}) {
  const opening = indexedDB.open(name, version);
  opening.onupgradeneeded = () => {
    for (const each of [store, ...more]) opening.result.createObjectStore(each, options);
  };
  const database = await asked(opening);
  const transaction = database.transaction(store, "readwrite");
  const target = transaction.objectStore(store);
  for (const [key, value] of entries) options?.keyPath ? target.put(value) : target.put(value, key);
  await ended(transaction);
  database.close();
}

/** All that a database holds, Blobs as their bytes. */
export async function dump(name) {
  const database = await asked(indexedDB.open(name));
  const stores = {};
  for (const store of database.objectStoreNames) {
    const source = database.transaction(store).objectStore(store);
    const [keys, values] = await Promise.all([asked(source.getAllKeys()), asked(source.getAll())]);
    stores[store] = { keyPath: source.keyPath, auto: source.autoIncrement, keys, values: await Promise.all(values.map(readable)) };
  }
  const { version } = database;
  database.close();
  return { version, stores };
}

/** A value whose Blobs can be compared. */
export async function readable(value) {
  if (value instanceof Blob) {
    const bytes = new Uint8Array(await value.arrayBuffer());
    return { kind: value.constructor.name, type: value.type, name: value.name, modified: value.lastModified, bytes };
  }
  if (Array.isArray(value)) return Promise.all(value.map(readable));
  if (value?.constructor !== Object) return value;
  const out = {};
  for (const [key, each] of Object.entries(value)) out[key] = await readable(each);
  return out;
}

/** Whether there is a database of a name. */
export async function exists(name) {
  return (await indexedDB.databases()).some((each) => each.name === name);
}

/** Deletes a database; rejects while somebody holds it, or after `patience_ms`: a transaction may have to end before a
 *  connection that gives way is closed. */
export function remove(name, patience_ms = 0) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = resolve;
    request.onerror = () => reject(request.error);
    request.onblocked = () => setTimeout(() => reject(new Error(`${name} is held`)), patience_ms);
  });
}

/** Values of every kind, many of them binary: the n-th of many. */
export function valueOf(n) {
  switch (n % 8) {
    case 0: return new Uint8Array([n, n >> 8, 0, 255]);
    case 1: return { n, text: "x".repeat(n % 90), list: [1, null, "é\0"] };
    case 2: return new Map([[{ n }, new Set([n, -0, NaN])]]);
    case 3: return new Date(n);
    case 4: return new Float64Array([n / 3, Infinity]).buffer;
    case 5: return [undefined, 12345678901234567890n, new DataView(new ArrayBuffer(3), 1)];
    case 6: return n % 64 === 6 ? new Blob([`blob ${n}`], { type: "text/plain" }) : n;
    default: return n % 64 === 7 ? { file: new File([`file ${n}`], "ä.txt", { lastModified: n }) } : `${n}`;
  }
}
