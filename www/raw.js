/** What IndexedDB has of a patch, read past the library, as a thief of the files would. */

const PREFIX = "patchstore_";
/** Bytes that are shown. */
const SHOWN = 240;

const asked = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** The bytes of all records of a patch, as texts of one character a byte; none where there is no such patch. */
async function recordsOf(id) {
  const name = PREFIX + id;
  if (!(await indexedDB.databases()).some((database) => database.name === name)) return [];
  const database = await asked(indexedDB.open(name));
  // It may be deleted meanwhile.
  database.onversionchange = () => database.close();
  try {
    const stores = [...database.objectStoreNames];
    if (stores.length === 0) return [];
    const transaction = database.transaction(stores);
    const values = await Promise.all(stores.map((store) => asked(transaction.objectStore(store).getAll())));
    // (A segment, a frame, … is one array of bytes.)
    const records = values.flat(2).filter((value) => ArrayBuffer.isView(value));
    return records.map((bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  } finally {
    database.close();
  }
}

const latin = (text) => Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
const printable = (text) => text.replaceAll(/[^\x20-\x7e]/g, "\u00b7");

/** How many records and bytes there are, which of the words are in them, and some of the bytes: around the first word, if there is one. */
export async function look(id, words) {
  const records = await recordsOf(id);
  const found = words.filter((word) => records.some((record) => record.includes(latin(word))));
  const word = found.length > 0 ? latin(found[0]) : undefined;
  const record = word ? records.find((each) => each.includes(word)) : records.toSorted((a, b) => b.length - a.length)[0];
  const at = word ? record.indexOf(word) : 0;
  const from = Math.max(0, Math.min(at - SHOWN / 2, (record ?? "").length - SHOWN));
  const part = (start, end) => printable((record ?? "").slice(Math.max(from, start), Math.min(from + SHOWN, end)));
  const until = at + (word?.length ?? 0);
  return {
    records: records.length,
    bytes: records.reduce((sum, each) => sum + each.length, 0),
    found,
    excerpt: [part(0, at), found[0] ?? "", part(until, Infinity)],
  };
}
