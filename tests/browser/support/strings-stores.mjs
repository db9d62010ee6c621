/**
 * Every call of the stores, with strings that are to be recognised in all that it is given. Runs in pages and in workers.
 *
 * How a place's name begins says what is to be found where nothing is encrypted: "asked" and "refused": nothing, for it is not stored;
 * "brief": it depends on when what is written away is overwritten; anything else: it is there.
 */

/** @typedef {(place: string) => string} Text makes the strings of a place */

/**
 * A schema that refuses documents with a field "refused", and says so at length.
 * @param {Text} text
 */
const schemaOf = (text) => ({
  "~standard": {
    version: 1,
    vendor: "patchstore",
    validate: (value) => (value.refused === undefined ? { value } : { issues: [{ message: text("refused: by the schema") }] }),
  },
});

/**
 * @param {any} kv a store
 * @param {Text} text
 * @param {boolean} isTx in a transaction: what is written there and overwritten is never stored, and nothing can be watched
 */
export async function everyKvCall(kv, text, isTx = false) {
  const later = isTx ? "brief: " : "";
  const asked = text("asked: key");
  const { signal } = new AbortController();
  const heard = isTx ? undefined : hears((tell) => kv.watch(text("watched key"), (value) => value !== undefined && tell()));
  await kv.set(text("watched key"), text("watched value"));
  await heard;
  await kv.set(text("key"), text("value"));
  await kv.set("nested", { [text("field of a value")]: [new Map([[text("key of a map"), text("in a map")]]), new Set([text("in a set")])] });
  await kv.set(text("expiring key"), text("expiring value"), { ttl: 1e6 });
  await kv.set("soon gone", text(`${later}expiring at once`), { ttl: 40 });
  await kv.set("later", text("with a time"), { expires: Date.now() + 1e6 });
  await kv.setMany([[text("one of many"), text("of many")], ["two", text("another of many"), { ttl: 1e6 }]]);
  await kv.update("updated", () => text("updated"));
  await kv.set("bytes", new TextEncoder().encode(text("bytes")));
  await kv.set("long", text("long").concat("-", "x".repeat(300_000)));
  await kv.set("blobs", {
    small: new Blob([text("small blob")], { type: `text/${text("type of a blob")}` }),
    large: new File([text("large blob"), new Uint8Array(200_000)], text("name of a file")),
  });
  await kv.set(text(`${later}deleted key`), text(`${later}deleted value`));
  await kv.delete(text(`${later}deleted key`));
  await kv.set(text(`${later}key that goes with others`), 1);
  await kv.deleteMany([text(`${later}key that goes with others`), asked]);
  const other = kv.store(text("store of a store"));
  await other.set("k", text("in the store of a store"));
  const cleared = kv.store(text(`${later}cleared store`));
  await cleared.set("k", text(`${later}cleared value`));
  await cleared.clear();
  await kv.get(text("key"));
  await kv.get(asked);
  await kv.has(asked);
  await kv.getMany([asked, text("key")]);
  const range = { prefix: text("asked: prefix"), gt: text("asked: gt"), gte: text("asked: gte"), lt: text("asked: lt"), lte: text("asked: lte"), signal };
  for (const each of [{ ...range, reverse: true, limit: 3 }, {}]) {
    await kv.keys(each);
    await kv.entries(each);
    await kv.count(each);
    for await (const [key] of kv.iterate(each)) await kv.has(key);
  }
  if (kv.importJsonLines !== undefined) {
    await everyLine(kv.exportJsonLines({ signal }));
    const line = JSON.stringify({ key: text("key of a line"), value: { [text("field of a line")]: { $date: "1970-01-01T00:00:00Z" } } });
    await kv.importJsonLines(line, { onConflict: "replace", onProgress: () => 0, signal });
    await kv.importJsonLines(`{"key":"${text("refused: key of a line")}","value":{"$date":"${text("refused: date of a line")}"}}`).catch(() => 0);
  }
  // What is refused may be told to the caller, and to nobody else.
  await kv.set(text("refused: key"), { [text("refused: field")]: () => 0 }).catch(() => 0);
}

/**
 * @param {any} db a store
 * @param {Text} text
 * @param {boolean} isTx see {@link everyKvCall}
 * @param {boolean} regex whether $regex is granted
 */
export async function everyDbCall(db, text, isTx = false, regex = true) {
  const collection = text("collection");
  const direct = new Proxy({}, { get: (_, name) => (...given) => db[name](collection, ...given) });
  await everyCollectionCall(direct, collection, text, isTx, regex);
  const within = (place) => text(place.includes(": ") ? `${place}, typed` : `typed ${place}`);
  const typed = db.collection(within("collection"), { schema: schemaOf(text) });
  await everyCollectionCall(typed, within("collection"), within, isTx, regex);
  await typed.insert({ refused: text("refused: what the schema saw") }).catch(() => 0);
  if (db.importJsonLines !== undefined) {
    await everyLine(db.exportJsonLines(collection, { signal: new AbortController().signal }));
    await db.importJsonLines(text("collection of lines"), JSON.stringify({ [text("field of a document's line")]: [text("document of a line")] }), { onConflict: "skip" });
    await db.importJsonLines(text("refused: collection of lines"), `{"a":{"$oid":"${text("refused: document of a line")}"}}`).catch(() => 0);
  }
  await db.collections();
  await db.store(text("document store of a store")).insert("c", { n: text("in the document store of a store") });
}

/** `name`: of the collection, whose documents are attached to one another. */
async function everyCollectionCall(notes, name, text, isTx, regex) {
  const later = isTx ? "brief: " : "";
  const [id, field, asked] = [text("id"), text("field"), text("asked: operand")];
  const heard = isTx ? undefined : hears((tell) => notes.watch({ watched: { $exists: true } }, (docs) => docs.length > 0 && tell(), { sort: { [field]: 1 }, onError: tell }));
  await notes.insert({ watched: text("watched document") });
  await heard;
  await notes.insert({ _id: id, [field]: text("document"), list: [text("item")], n: 1 });
  await notes.insertMany([{ _id: "two", n: 2, of: id, text: text(`${later}replaced`), _created: 5, _updated: 6 }, { n: 3, text: text("of many documents") }], {
    keepTimes: true,
  });
  await notes.update(id, { changed: text("change"), taken: text(`${later}taken away`) });
  await notes.update(id, { more: text("change beside") }, { unset: ["taken", text("asked: field to take away")] });
  await notes.replace("two", { n: 2, of: id, text: text("replacement") });
  await notes.modify("two", (doc) => ({ ...doc, modified: text("modified") }));
  await notes.modify(text("id of what was modified"), () => ({ made: text("made by modifying") }));
  await notes.upsert({ _id: "four", made: text("made by upserting") });
  await notes.upsert({ _id: "four", [text("field of upserting")]: text("merged by upserting") });
  await everyDefinition(notes, name, text, isTx);
  await notes.upsert({ n: text("refused: for want of an index") }, { on: text("refused: field of no index") }).catch(() => 0);
  await notes.updateMany({ n: { $gte: 2 } }, { [text("field of many")]: text("change of many") }, { unset: [text("asked: field to take from many")] });
  await notes.insertMany(["five", "six", "seven"].map((_id) => ({ _id, way: text(`${later}deleted document`) })));
  await notes.delete("five");
  await notes.modify("six", () => undefined);
  await notes.deleteMany({ way: text(`${later}deleted document`) });
  const not = { $ne: asked };
  const conditions = [
    asked, { $eq: asked }, not, { $gt: asked }, { $gte: asked }, { $lt: asked }, { $lte: asked }, { $in: [asked] }, { $nin: [asked] }, { $exists: true },
    { $startsWith: asked }, { $contains: asked }, { $size: 1 }, { $all: [asked] }, { $elemMatch: { $eq: asked } }, { $not: { $eq: asked } },
    ...(regex ? [new RegExp(asked), { $regex: asked, $options: "i" }] : []),
  ];
  for (const each of conditions) {
    await notes.find({ [field]: each });
    await notes.count({ [`${text("asked: path")}.0`]: each });
  }
  const query = { $and: [{ [field]: not }], $or: [{ n: 1 }, { [field]: not }], $nor: [{ [field]: asked }] };
  const chosen = { sort: { [field]: 1 }, limit: 5, fields: [field, "n", text("asked: chosen field")] };
  const include = { [text("asked: field to attach to")]: { collection: name, local: "of", foreign: "_id", one: true, query, ...chosen, include: {} } };
  const options = { ...chosen, include, skip: 0, signal: new AbortController().signal };
  const [first] = await notes.find(query, options);
  await notes.find(query, { ...options, after: first });
  await notes.findOne(id, { include });
  await notes.findOne(query, options);
  for await (const doc of notes.iterate(query, options)) await notes.findOne(doc._id);
  await notes.distinct(field, query);
  await notes.explain(query, options);
  await notes.find({ [field]: { [`$${text("refused: operator")}`]: 1 } }).catch(() => 0);
}

/** What is defined of a collection. In a transaction, all of it is refused. */
async function everyDefinition(notes, name, text, isTx) {
  const unique = text("refused: unique field");
  const refused = () => 0;
  if (isTx) {
    await notes.createIndex(unique, { unique: true, multi: false }).catch(refused);
    await notes.dropIndex(unique).catch(refused);
    await notes.define({ indexes: [{ fields: unique, unique: true, multi: true }], references: { [unique]: { collection: unique, onDelete: "cascade" } }, sequences: { [unique]: { per: unique } } }).catch(refused);
    await notes.indexes();
    return;
  }
  const [slug, refers, per] = [text("unique field"), text("field that refers"), text("field by whose value is numbered")];
  await notes.createIndex([slug, `${text("field of an index")}.0`], { unique: true });
  await notes.createIndex(text("brief: field of an index that goes"), { multi: true });
  await notes.dropIndex(text("brief: field of an index that goes"));
  await notes.define({
    indexes: [{ fields: text("field of a definition"), unique: true, multi: true }, { fields: slug, unique: true }],
    references: { [refers]: { collection: name, onDelete: "set-null" } },
    sequences: { [text("numbered field")]: { per } },
  });
  await notes.insert({ [slug]: text("indexed value"), [per]: text("value by which is numbered") });
  await notes.insert({ [slug]: text("indexed value"), _id: text("refused: id of another of the same value") }).catch(refused);
  await notes.insert({ [refers]: text("refused: id of no document") }).catch(refused);
  await notes.upsert({ [slug]: text("indexed value"), [text("field merged by an index")]: 1 }, { on: slug });
  await notes.insert({ [refers]: text("id") });
  await notes.indexes();
}

/**
 * What has to do with contents. What no record holds is there for an hour.
 * @param {any} blobs those of a patch or of a sandbox
 * @param {any} kv a store
 * @param {Text} text
 */
export async function everyBlobsCall(blobs, kv, text) {
  const bytes = (place) => new TextEncoder().encode(text(place));
  const streamed = (place) => new Response(bytes(place)).body;
  const { signal } = new AbortController();
  const ref = await blobs.put(bytes("content"), { type: `text/${text("type of a content")}`, onProgress: () => 0, signal });
  await kv.set("holds a content", ref);
  await blobs.put(new Blob([bytes("content of a Blob")]));
  // (What can be compressed would take less on disk than in the stores.)
  await blobs.put(new Blob([bytes("content of pieces"), new Uint8Array(1_100_000).map(() => 256 * Math.random())]));
  await blobs.put(streamed("streamed content"));
  await blobs.put(streamed("brief: content of another hash"), { expect: "0".repeat(64) }).catch(() => 0);
  await blobs.get(ref);
  await everyLine(await blobs.stream(ref, { start: 1, end: 9 }));
  if (blobs.list === undefined) return;
  await blobs.ref(ref.hash);
  await blobs.has(ref);
  await blobs.stat(ref);
  await (await fetch(await blobs.url(ref))).text();
  await blobs.revoke(ref);
  for await (const { hash } of blobs.list()) await blobs.has(hash);
}

async function everyLine(stream) {
  const reader = stream.getReader();
  while (!(await reader.read()).done);
}

/** Drops a collection with something in it. */
export async function everyDrop(db, text) {
  await db.insert(text("brief: dropped collection"), { n: text("brief: dropped") });
  await db.drop(text("brief: dropped collection"));
  const typed = db.collection(text("brief: dropped collection, typed"));
  await typed.insert({ n: text("brief: dropped, typed") });
  await typed.drop();
}

/** Resolves when what `watch` is given is told for the first time; then the watch ends. */
function hears(watch) {
  return new Promise((resolve, reject) => {
    const end = watch((error) => {
      end();
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

/** Every call of what the patch remembers of itself. */
export async function everyMetaCall(meta, text) {
  await meta.set(text("key of meta"), text("value of meta"));
  await meta.get(text("key of meta"));
  await meta.delete(text("asked: key of meta"));
  await meta.keys();
}

/** Every message in all of its forms, to both objects. */
export async function everyMessage(kv, db, text) {
  const [key, value, id] = [text("key of a message"), text("value of a message"), text("id of a message")];
  const say = async (object, ...messages) => {
    for (const each of messages) heardRight(await object.send(each));
  };
  await say(kv, { type: "set", key, value }, { set: ["k", text("shorthand")] }, `set k2 ${text("text message")}`, `set ${text("key of a text message")} 1`);
  await say(kv, { type: "get", key }, { get: key }, `get ${key}`, { type: "has", key }, { has: key }, { type: "keys" }, { keys: true }, "keys");
  await say(kv, { type: "delete", key: text("asked: key of a message") }, { delete: text("asked: key of a message") });
  await say(kv, { type: "setStore", value: text("store of a message") }, { set: ["k", 1] }, { setStore: text("store of a shorthand") }, { set: ["k", 1] });
  kv.setStore(text("brief: store set by a call"));
  await say(kv, { set: ["k", text("brief: cleared by a message")] }, { type: "clear" }, { clear: true }, "clear");
  const collection = text("collection of a message");
  await say(db, { type: "insert", collection, doc: { _id: id, n: text("document of a message") } }, { insert: [collection, { n: text("document of a shorthand") }] });
  await say(db, `insert ${collection} {"n": "${text("document of a text message")}"}`);
  const query = { n: { $ne: text("asked: by a message") } };
  const chosen = { sort: { n: 1 }, skip: 0, limit: 9, fields: ["n"] };
  await say(db, { type: "find", collection, query, ...chosen }, { find: collection }, { find: [collection, query, chosen] }, `find ${collection} ${JSON.stringify(query)}`);
  await say(db, { type: "count", collection, query }, { count: collection }, { count: [collection, query] });
  await say(db, { type: "findOne", collection, id }, { findOne: [collection, id] });
  await say(db, { type: "update", collection, id, doc: { a: text("change by a message") } }, { update: [collection, id, { b: text("change by a shorthand") }] });
  await say(db, { type: "replace", collection, id, doc: { a: text("replacement by a message") } }, { replace: [collection, id, { a: text("replacement by a shorthand") }] });
  await say(db, { type: "delete", collection, id: text("asked: id of a message") }, { delete: [collection, text("asked: id of a message")] });
  await say(db, { type: "setStore", value: text("document store of a message") }, { insert: ["c", { n: 1 }] }, { setStore: text("brief: document store of a shorthand") });
  await say(db, { insert: ["c", { n: text("brief: dropped by a message") }] }, { type: "drop", collection: "c" }, { drop: "c" });
  for (const object of [kv, db]) {
    const { scope } = object;
    const { op } = await object.send(`${text("refused: message")} {`);
    if (op !== "error") throw new Error(`a message without a form is answered, to ${JSON.stringify(scope)}`);
  }
}

function heardRight({ op, message }) {
  if (op === "error") throw new Error(message);
}

/** Random strings for each place that is asked for; of several of one place, one survives that a compressor has cut others to pieces. */
export function maker() {
  /** (Types of Blobs are in lower case.) */
  const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
  const EACH = 4;
  /** @type {Record<string, string[]>} */
  const places = {};
  const text = (place) => {
    places[place] ??= Array.from({ length: EACH }, () =>
      Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => ALPHABET[byte % ALPHABET.length]).join(""),
    );
    return places[place].join("-");
  };
  /** The same, under names that begin with where it is; what its first word says stays in front. */
  const at = (where) => (place) => {
    const [, kind = "", rest] = /^(asked: |brief: |refused: )?(.*)$/.exec(place);
    return text(`${kind}${where}: ${rest}`);
  };
  return { places, text, at };
}
