/**
 * Numbered batches of writes of one writer, and what its stores hold after the first n of them:
 * so much that anything lost, half there, doubled or out of order makes a difference.
 * Loaded by pages.
 */

/** Keys and documents that are there at a time: many batches fit, and a long run does not pile up. */
const KEYS = 300;
const DOCUMENTS = 200;

const KINDS = ["keys", "transaction", "documents", "keys", "transaction"];

/** What batch `n` is. Now and then a value that goes out of line, or a batch written ahead. */
function kindOf(n) {
  if (n % 97 === 0) return "ahead";
  if (n % 23 === 0) return "large";
  return KINDS[n % KINDS.length];
}

function entriesOf(n) {
  const kind = kindOf(n);
  if (kind === "large") return [0, 1].map((i) => [`large-${i}`, text(n, i, 90_000)]);
  if (kind === "ahead") return Array.from({ length: 24 }, (_, i) => [`ahead-${i}`, text(n, i, 50_000)]);
  if (kind === "documents") return [];
  return Array.from({ length: 4 }, (_, i) => [`key-${(n * 7 + i) % KEYS}`, { n, i }]);
}

function documentsOf(n) {
  const kind = kindOf(n);
  if (kind === "transaction") return [{ n, i: 0 }];
  return kind === "documents" ? [0, 1].map((i) => ({ n, i })) : [];
}

const text = (n, i, length) => `${n}:${i};`.padEnd(length, `${n * 31 + i}.`);

/** Issues batch `n`; resolves when it is acknowledged. Everything in it is one call. */
export function issue(patch, writer, n) {
  switch (kindOf(n)) {
    case "transaction":
      return patch.transaction((tx) => transfer(tx, writer, n), { retries: 1000 });
    case "documents":
      return patch.db(writer).insertMany("log", documentsOf(n));
    default:
      return patch.kv(writer).setMany(entriesOf(n));
  }
}

/** Whether later batches have to wait for this one: a transaction begins after it was asked for. */
export const standsAlone = (n) => kindOf(n) === "transaction";

async function transfer(tx, writer, n) {
  const [own, shared] = [tx.kv(writer), tx.kv("shared")];
  const count = (await shared.get("transactions")) ?? 0;
  await own.setMany(entriesOf(n));
  await shared.set("transactions", count + 1);
  for (const document of documentsOf(n)) await tx.db(writer).insert("log", document);
  const oldest = await tx.db(writer).find("log", {}, { limit: 3 });
  // What is removed depends on `n` alone, so that the model knows it.
  for (const { _id, n: of } of oldest) if (of <= n - DOCUMENTS) await tx.db(writer).delete("log", _id);
}

/** What the first `last` batches leave behind. */
function model(last) {
  const keys = new Map();
  let documents = [], transactions = 0;
  for (let n = 1; n <= last; n++) {
    for (const [key, value] of entriesOf(n)) keys.set(key, value);
    documents.push(...documentsOf(n));
    if (kindOf(n) !== "transaction") continue;
    transactions++;
    const kept = documents.slice(0, 3).filter((document) => document.n > n - DOCUMENTS);
    documents = kept.concat(documents.slice(3));
  }
  return { keys, documents, transactions };
}

/**
 * Reads all that is there.
 * @returns {Promise<{last: Record<string, number>, wrong: string[]}>} the last batch of each writer
 *   that has left a trace, and every difference from what those first batches make
 */
export async function inspect(patch, writers) {
  const last = {}, wrong = [];
  let transactions = 0;
  for (const writer of writers) {
    const entries = await patch.kv(writer).entries();
    const documents = await patch.db(writer).find("log");
    const numbers = entries.map(([, value]) => value.n ?? parseInt(value)).concat(documents.map(({ n }) => n));
    last[writer] = numbers.reduce((most, n) => Math.max(most, n), 0);
    const expected = model(last[writer]);
    transactions += expected.transactions;
    if (entries.length !== expected.keys.size) {
      wrong.push(`${writer}: ${entries.length} keys, not ${expected.keys.size}`);
    }
    for (const [key, value] of entries) {
      const [found, wanted] = [JSON.stringify(value), JSON.stringify(expected.keys.get(key))];
      if (found !== wanted) wrong.push(`${writer}: ${key} is ${found.slice(0, 40)}, not ${wanted?.slice(0, 40)}`);
    }
    const list = (documents) => documents.map(({ n, i }) => `${n}:${i}`).join();
    if (list(documents) !== list(expected.documents)) {
      wrong.push(`${writer}: the documents are ${list(documents)}, not ${list(expected.documents)}`);
    }
  }
  const counted = (await patch.kv("shared").get("transactions")) ?? 0;
  if (counted !== transactions) wrong.push(`${counted} transactions counted, not ${transactions}`);
  return { last, wrong };
}

/**
 * Writes batches from `first` on, for ever, several at a time, compacting now and then, and
 * reports each acknowledgement. Rejects with what a batch fails with.
 */
export async function write(patch, writer, first, acknowledged) {
  let underWay = [];
  for (let n = first; ; n++) {
    const batch = issue(patch, writer, n).then(() => acknowledged(writer, n));
    // Rejections are looked at below; none may count as unhandled until then.
    batch.catch(() => {});
    underWay.push(batch);
    if (n % 150 === 0) patch.compact().catch(() => {});
    if (standsAlone(n) || standsAlone(n + 1) || underWay.length === 4) {
      await Promise.all(underWay);
      underWay = [];
    }
  }
}
