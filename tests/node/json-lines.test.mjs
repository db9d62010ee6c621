/** Collections and stores as lines of JSON: out and in again, what others write, and what is refused. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { Binary, EJSON } from "bson";
import { installPacked } from "../browser/support/packed.mjs";
import { AnyValue } from "./lines/values.mjs";

const SEED = Number(process.env.LINES_SEED ?? 1);
const RUNS = 20;

let remove, lib;
before(async () => {
  let home;
  // (Planted bugs are in a build of their own.)
  if (process.env.PATCHSTORE_PACKAGE) return void (lib = await import(pathToFileURL(`${process.env.PATCHSTORE_PACKAGE}/index.js`)));
  ({ home, remove } = await installPacked());
  lib = await import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve("patchstore")));
});
after(() => remove?.());

let opened = 0;
const open = (options = {}) => lib.openPatch(`lines ${(opened += 1)}`, { backend: "memory", ...options });
const textOf = async (stream) => new TextDecoder().decode(await new Response(stream).arrayBuffer());
const lines = (...objects) => objects.map((each) => `${typeof each === "string" ? each : JSON.stringify(each)}\n`).join("");

/** A value with the content of its Blobs, as text. */
async function shown(value) {
  const contents = [];
  const look = async (each) => {
    if (each instanceof Blob) contents.push([...new Uint8Array(await each.arrayBuffer())]);
    else if (each instanceof Map || each instanceof Set) for (const item of each) await look(item);
    else if (typeof each === "object" && each !== null) for (const item of Object.values(each)) await look(item);
  };
  await look(value);
  return inspect([value, contents], { depth: null, maxArrayLength: null, maxStringLength: null });
}
async function same(actual, expected, why) {
  const [is, wanted] = [await shown(actual), await shown(expected)];
  assert.ok(is === wanted, `${why}\nis ${is}\nand not ${wanted}`);
}
const refused = async (promise, code, line, message = /./) => {
  const error = await promise.then(() => assert.fail("it was not refused"), (error) => error);
  assert.ok(error instanceof lib.PatchStoreError, String(error?.stack));
  assert.equal(error.code, code, error.message);
  assert.equal(error.line, line, error.message);
  assert.match(error.message, message);
  return error;
};

/** A stream of the bytes, cut anywhere. */
function cut(text, chance) {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const end = at + 1 + chance.below(7);
      controller.enqueue(bytes.slice(at, end));
      at = end;
    },
  });
}

test("what is exported is what is imported: every type, every name, times and order", async () => {
  for (let run = 0; run < RUNS; run++) {
    const seed = SEED * 1000 + run;
    const chance = new AnyValue(seed);
    const patch = await open();
    const docs = Array.from({ length: 1 + chance.below(12) }, (_, at) => ({ ...chance.object(), _id: `${at % 3} ${at}`, _created: at, _updated: 10 - (at % 5) }));
    const pairs = Array.from({ length: 1 + chance.below(12) }, (_, at) => [`k${at}${chance.one(["", "\ud800", "\0", "é"])}`, chance.value() ?? null, ...(at % 3 === 0 ? [{ expires: Date.now() + 1e6 + at }] : [])]);
    await patch.db("d").insertMany("from", docs, { keepTimes: true });
    await patch.kv("from").setMany(pairs);
    const docLines = await textOf(patch.db("d").exportJsonLines("from"));
    const pairLines = await textOf(patch.kv("from").exportJsonLines());
    assert.equal(docLines.split("\n").length, docs.length + 1);
    const inserted = await patch.db("e").importJsonLines("to", cut(docLines, chance));
    assert.deepEqual(inserted, { lines: docs.length, inserted: docs.length, replaced: 0, skipped: 0, expired: 0 });
    await patch.kv("to").importJsonLines(cut(pairLines, chance));
    await same(await patch.db("e").find("to"), await patch.db("d").find("from"), `documents, seed ${seed}`);
    await same(await patch.kv("to").entries(), await patch.kv("from").entries(), `pairs, seed ${seed}`);
    assert.equal(await textOf(patch.db("e").exportJsonLines("to")), docLines, `documents again, seed ${seed}`);
    assert.equal(await textOf(patch.kv("to").exportJsonLines()), pairLines, `pairs again, seed ${seed}`);
    await patch.close();
  }
});

test("the lines are Extended JSON: bson reads of them what it knows", async () => {
  const patch = await open();
  const doc = {
    _id: "a", _created: 1, _updated: 2, n: 1.5, i: 7, zero: -0, none: null, yes: true, text: "é\ud83d\ude00", list: [1, [NaN, -Infinity]],
    at: new Date(1234567890123), whole: new Date(1e12), early: new Date(-5), late: new Date(8e15), bytes: new Uint8Array([0, 255, 1]), long: 2n ** 62n, nested: { at: new Date(0) },
  };
  await patch.db("d").insertMany("c", [doc], { keepTimes: true });
  const line = await textOf(patch.db("d").exportJsonLines("c"));
  const { bytes, long, ...found } = EJSON.parse(line, { relaxed: true, useBigInt64: true });
  assert.deepEqual(new Uint8Array(bytes.buffer), doc.bytes);
  assert.equal(long, doc.long);
  const { bytes: _, long: __, ...expected } = doc;
  await same(found, expected, "as bson reads it");
  // And the way back: what bson writes, relaxed or canonical.
  for (const relaxed of [true, false]) {
    const written = EJSON.stringify({ ...doc, long: 5n, bytes: new Binary(doc.bytes) }, { relaxed });
    await patch.db("d").drop("c");
    await patch.db("d").importJsonLines("c", written);
    const [{ long, zero, ...again }] = await patch.db("d").find("c");
    // (Relaxed, an integer is a number.)
    assert.equal(long, relaxed ? 5 : 5n);
    assert.ok(zero === 0);
    const { long: _, zero: __, ...wanted } = doc;
    await same(again, wanted, `relaxed: ${relaxed}`);
  }
  await patch.close();
});

test("what MongoDB's tools write: ids, dates with zones, numbers; types that cannot be stored are refused", async () => {
  const patch = await open();
  const db = patch.db("d");
  await db.importJsonLines("c", lines(
    '{"_id":{"$oid":"57E193d7a9cc81b4027498b5"},"a":{"$numberInt":"-42"},"b":{"$numberDouble":"-0.0"},"c":{"$date":{"$numberLong":"-1"}}}',
    '{"_id":"x","d":{"$date":"2020-01-02T03:04:05.5+0130"},"e":{"$ref":"c","$id":{"$oid":"57e193d7a9cc81b4027498b1"}},"u":{"$binary":{"base64":"yO2rw/c4TKO2jauSqRR4ow==","subType":"04"}}}',
  ));
  const [one, two] = await db.find("c");
  assert.equal(one._id, "57e193d7a9cc81b4027498b5");
  assert.equal(one.a, -42);
  assert.ok(Object.is(one.b, -0));
  assert.equal(one.c.getTime(), -1);
  assert.equal(two.d.toISOString(), "2020-01-02T01:34:05.500Z");
  assert.deepEqual(two.e, { $ref: "c", $id: "57e193d7a9cc81b4027498b1" });
  assert.equal(two.u.length, 16);
  const bad = {
    '{"$timestamp":{"t":1,"i":1}}': /\$timestamp cannot be stored/, '{"$numberDecimal":"1"}': /\$numberDecimal/, '{"$minKey":1}': /\$minKey/,
    '{"$regularExpression":{"pattern":"a","options":""}}': /\$regularExpression/, '{"$code":"f","$scope":{}}': /\$code|\$scope/,
    '{"$numberLong":5}': /\$numberLong/, '{"$numberLong":"9223372036854775808"}': /\$numberLong/, '{"$numberInt":"2147483648"}': /\$numberInt/, '{"$numberInt":"1.5"}': /\$numberInt/,
    '{"$numberDouble":"0x10"}': /\$numberDouble/, '{"$date":1}': /\$date/, '{"$date":"2020-01-02"}': /\$date/, '{"$date":"2020-13-02T00:00:00Z"}': /\$date/,
    '{"$date":{"$numberLong":"8640000000000001"}}': /\$date/, '{"$binary":{"base64":"AAA","subType":"00"}}': /\$binary/, '{"$binary":{"base64":"A A=","subType":"00"}}': /\$binary/,
    '{"$binary":"AAAA","$type":"00"}': /nothing else/, '{"$undefined":false}': /\$undefined/, '{"$undefined":true,"x":1}': /nothing else/, '{"$oid":"12"}': /\$oid/,
    '{"$patchstore":{}}': /list/, '{"$patchstore":[]}': /list/, '{"$patchstore":["Map",[1]]}': /does not take/, '{"$patchstore":["Float64Array","AAAA"]}': /does not take/,
    '{"$patchstore":["BigInt","12"]}': /does not take/, '{"$patchstore":["Object",[]]}': /does not take/, '{"$patchstore":["Blob","a"]}': /does not take/, '{"$patchstore":["InvalidDate",1]}': /does not take/,
  };
  for (const [wrapper, message] of Object.entries(bad)) {
    const error = await refused(db.importJsonLines("bad", lines({ ok: 1 }, `{"a":[${wrapper}]}`)), "InvalidArgument", 2, message);
    assert.match(error.message, /^line 2: .*; nothing was stored$/);
  }
  await refused(db.importJsonLines("bad", '{"a":{"$patchstore":["Temporal","x"]}}'), "UnsupportedFormat", 1);
  assert.deepEqual(await db.collections(), ["c"]);
  await patch.close();
});

test("sources of every kind, and texts of every shape", async () => {
  const patch = await open();
  const db = patch.db("d");
  const text = '\ufeff{"_id":"é"}\r\n\r\n   \n{"_id":"\u{1F600}"}\n\n{"_id":"last"}';
  const bytes = new TextEncoder().encode(text);
  const sources = {
    string: text, bytes, buffer: bytes.buffer, view: new DataView(bytes.buffer), blob: new Blob([text]), stream: new Blob([text]).stream(), "cut into bytes": cut(text, { below: () => 0 }),
  };
  for (const [name, source] of Object.entries(sources)) {
    const done = await db.importJsonLines(name, source);
    assert.deepEqual([done.lines, done.inserted], [6, 3], name);
    assert.deepEqual((await db.find(name)).map(({ _id }) => _id), ["é", "\u{1F600}", "last"], name);
  }
  assert.equal((await db.importJsonLines("none", "")).lines, 0);
  assert.equal((await db.importJsonLines("none", "\n\n")).lines, 2);
  await refused(db.importJsonLines("c", new Uint8Array([123, 125, 10, 0xc3, 10])), "InvalidArgument", 2, /UTF-8/);
  await refused(db.importJsonLines("c", '{}\n{"a":1'), "InvalidArgument", 2, /no JSON/);
  await refused(db.importJsonLines("c", "[]"), "InvalidArgument", 1, /object/);
  await refused(db.importJsonLines("c", '{}\n\ufeff{}'), "InvalidArgument", 2, /no JSON/);
  for (const source of [undefined, 1, null, {}, '{"a":"\ud800"}']) await refused(db.importJsonLines("c", source), "InvalidArgument", undefined);
  await refused(db.importJsonLines("c", new ReadableStream({ start: (controller) => (controller.enqueue("{}"), controller.close()) })), "InvalidArgument", 1, /bytes/);
  const locked = new Blob(["{}"]).stream();
  locked.getReader();
  await refused(db.importJsonLines("c", locked), "InvalidArgument", undefined, /reads/);
  await refused(db.importJsonLines("", "{}"), "InvalidArgument", undefined);
  await refused(db.importJsonLines("c", "{}", { onConflict: "merge" }), "InvalidArgument", undefined);
  await refused(db.importJsonLines("c", '{"_id":5}'), "InvalidArgument", 1);
  await refused(db.importJsonLines("c", '{"_created":-1}'), "InvalidArgument", 1);
  await refused(db.importJsonLines("c", `{"a":${"[".repeat(1000)}${"]".repeat(1000)}}`), "InvalidArgument", 1, /nesting/);
  assert.equal((await db.importJsonLines("deep", `{"a":${"[".repeat(999)}{"$date":"2020-01-01T00:00:00Z"}${"]".repeat(999)}}`)).inserted, 1);
  assert.equal(await db.count("c"), 0);
  await patch.close();
});

test("a line above the bound is refused before it is read to its end", async () => {
  const patch = await open();
  const chunk = new Uint8Array(1 << 20).fill(32);
  let given = 0;
  const source = new ReadableStream({ pull: (controller) => (controller.enqueue(given++ === 0 ? new TextEncoder().encode("{}\n") : chunk)) });
  await refused(patch.db("d").importJsonLines("c", source), "LimitExceeded", 2, /268435456/);
  assert.ok(given < 270, `${given} MiB were taken`);
  await patch.close();
});

test("batches: a bad line undoes its own batch, says which line it is, and how many lines are stored", async () => {
  const patch = await open();
  const db = patch.db("d");
  const big = "x".repeat(1 << 20);
  const told = [];
  const all = Array.from({ length: 11 }, (_, n) => ({ _id: `${n}`, big: n % 2 ? big : undefined, n }));
  all[8].n = { $date: 0 };
  let source = lines(...all);
  const error = await refused(db.importJsonLines("c", source, { onProgress: (soFar) => told.push(soFar) }), "InvalidArgument", 9, /^line 9: .*; the lines up to 8 are stored$/);
  assert.equal(error.linesDone, 8);
  assert.deepEqual(told, [{ lines: 8, inserted: 8, replaced: 0, skipped: 0, expired: 0 }]);
  assert.equal(await db.count("c"), 8);
  all[8].n = 8;
  source = lines(...all);
  assert.deepEqual(await db.importJsonLines("c", source, { onConflict: "skip" }), { lines: 11, inserted: 3, replaced: 0, skipped: 8, expired: 0 });
  assert.deepEqual((await db.find("c", {}, { fields: ["n"] })).map(({ n }) => n), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  // What is told may end it.
  const stop = new Error("stop");
  await assert.rejects(db.importJsonLines("d", source, { onProgress: () => { throw stop; } }), (error) => error === stop);
  assert.equal(await db.count("d"), 8);
  await patch.close();
});

test("conflicts of documents: refused with the line, skipped, or replaced", async () => {
  const patch = await open();
  const db = patch.db("d");
  await db.insertMany("c", [{ _id: "a", n: 1, _created: 5, _updated: 6 }, { _id: "b", n: 1 }], { keepTimes: true });
  const source = lines({ _id: "x", n: 2 }, "", { n: 2, none: 1 }, { _id: "b", n: 2 }, { _id: "x", n: 3 });
  await refused(db.importJsonLines("c", source), "Exists", 4);
  await refused(db.importJsonLines("c", lines({ _id: "p" }, { _id: "q" }, { _id: "p" })), "Exists", 3);
  assert.equal(await db.count("c"), 2);
  const skipped = await db.importJsonLines("c", source, { onConflict: "skip" });
  assert.deepEqual(skipped, { lines: 5, inserted: 2, replaced: 0, skipped: 2, expired: 0 });
  assert.deepEqual((await db.find("c")).map(({ n }) => n), [1, 1, 2, 2]);
  const replaced = await db.importJsonLines("c", lines({ _id: "a", n: 4, _created: 7, _updated: 8 }, { _id: "y", n: 1 }, { _id: "a", n: 5 }, { _id: "y", n: 6 }), { onConflict: "replace" });
  assert.deepEqual(replaced, { lines: 4, inserted: 1, replaced: 3, skipped: 0, expired: 0 });
  assert.deepEqual((await db.find("c")).map(({ n }) => n), [5, 1, 2, 2, 6]);
  const a = await db.findOne("c", "a");
  assert.deepEqual([a._created, a._updated > 1e12], [5, true]);
  await patch.close();
});

test("what a collection is defined to keep holds, and the line is named", async () => {
  const patch = await open();
  const db = patch.db("d");
  await db.createIndex("c", "slug", { unique: true });
  await db.define("child", { references: { of: { collection: "c" } } });
  await db.insert("c", { _id: "one", slug: "s" });
  await refused(db.importJsonLines("c", lines({ slug: "t" }, { _id: "two", slug: "u" }, { _id: "three", slug: "s" })), "ConstraintViolation", 3);
  await refused(db.importJsonLines("c", lines({ slug: "t" }, { slug: "u" }, { slug: "t" })), "ConstraintViolation", undefined, /lines 1 to 3/);
  const error = await refused(db.importJsonLines("child", lines({ of: "one" }, { of: null }, { of: "none" }, { of: "no" })), "ConstraintViolation", 3);
  assert.deepEqual(error.ids, ["none"]);
  await refused(db.importJsonLines("child", lines({ of: "one" }, { _id: "x", of: 5 })), "ConstraintViolation", 2);
  assert.deepEqual([await db.count("c"), await db.count("child")], [1, 0]);
  // What a later line of the batch brings is there.
  await db.define("tree", { references: { parent: { collection: "tree" } } });
  assert.equal((await db.importJsonLines("tree", lines({ _id: "leaf", parent: "root" }, { _id: "root" }))).inserted, 2);
  await patch.close();
});

test("pairs: conflicts, expiry, and what is no pair", async () => {
  const patch = await open();
  const kv = patch.kv("s");
  await kv.set("a", 1);
  const later = Date.now() + 1e6;
  await refused(kv.importJsonLines(lines({ key: "x", value: 1 }, { key: "a", value: 2 })), "Exists", 2);
  await refused(kv.importJsonLines(lines({ key: "x", value: 1 }, { key: "x", value: 2 })), "Exists", 2);
  assert.deepEqual(await kv.keys(), ["a"]);
  const source = lines({ key: "a", value: 2 }, { key: "x", value: 1, expires: later }, { value: 3, key: "x" }, { key: "gone", value: 1, expires: 5 }, { key: "", value: null });
  assert.deepEqual(await kv.importJsonLines(source, { onConflict: "skip" }), { lines: 5, inserted: 2, replaced: 0, skipped: 2, expired: 1 });
  assert.deepEqual(await kv.entries(), [["", null], ["a", 1], ["x", 1]]);
  assert.equal(await textOf(kv.exportJsonLines()), lines({ key: "", value: null }, { key: "a", value: 1 }, { key: "x", value: 1, expires: later }));
  assert.deepEqual(await kv.importJsonLines(source, { onConflict: "replace" }), { lines: 5, inserted: 0, replaced: 4, skipped: 0, expired: 1 });
  assert.equal(await textOf(kv.exportJsonLines()), lines({ key: "", value: null }, { key: "a", value: 2 }, { key: "x", value: 3 }));
  for (const bad of ['{"key":1,"value":1}', '{"value":1}', '{"key":"k"}', '{"key":"k","value":1,"ttl":5}', '{"key":"k","value":1,"expires":"5"}', `{"key":"${"k".repeat(1001)}","value":1}`]) {
    await refused(kv.importJsonLines(lines({ key: "first", value: 1 }, bad)), "InvalidArgument", 2);
  }
  await refused(kv.importJsonLines(lines({ key: "first", value: 1 }, '{"key":"k","value":{"$undefined":true}}')), "NotStorable", 2);
  await refused(kv.importJsonLines('{"key":{"$numberLong":"5"},"value":1}'), "InvalidArgument", 1);
  assert.equal(await kv.has("first"), false);
  const other = kv.store("t");
  await other.importJsonLines(lines({ key: "k", value: { $numberLong: "5" } }));
  assert.equal(await patch.kv("t").get("k"), 5n);
  await patch.close();
});

test("references to contents: read back where the content is, else the line is named", async () => {
  const [patch, other] = [await open(), await open()];
  const blob = await patch.blobs.put(new Blob(["content"]), { type: "text/plain" });
  await patch.db("d").insert("c", { _id: "a", in: [new Map([["blob", blob]])] });
  await patch.kv("s").set("k", { blob });
  const [docs, pairs] = [await textOf(patch.db("d").exportJsonLines("c")), await textOf(patch.kv("s").exportJsonLines())];
  await patch.db("d").importJsonLines("e", docs);
  const [{ in: [map] }] = await patch.db("d").find("e");
  assert.ok(map.get("blob") instanceof lib.BlobRef);
  assert.equal(await (await patch.blobs.get(map.get("blob"))).text(), "content");
  await patch.kv("t").importJsonLines(pairs);
  assert.deepEqual(await patch.kv("t").get("k"), { blob });
  await refused(other.db("d").importJsonLines("e", lines({ _id: "b" }) + docs), "NotStorable", 2);
  await refused(other.kv("s").importJsonLines(lines({ key: "b", value: 1 }) + pairs), "NotStorable", 2);
  assert.deepEqual([await other.db("d").count("e"), await other.kv("s").keys()], [0, []]);
  for (const bad of ['["BlobRef","x",1,""]', '["BlobRef",1]']) await refused(patch.db("d").importJsonLines("e", `{"a":{"$patchstore":${bad}}}`), "InvalidArgument", 1);
  await Promise.all([patch.close(), other.close()]);
});

test("in a transaction: all of it or nothing, and of one moment", async () => {
  const patch = await open();
  const source = lines({ _id: "a", n: 1 }, { _id: "b", n: 2 });
  await patch.transaction(async (tx) => {
    await tx.db("d").importJsonLines("c", source);
    await tx.kv("s").importJsonLines(lines({ key: "k", value: 1, expires: Date.now() + 1e6 }));
    assert.equal(await tx.db("d").count("c"), 2);
    assert.match(await textOf(tx.db("d").store("d").exportJsonLines("c")), /"a".*\n.*"b"/);
    assert.match(await textOf(tx.kv("s").exportJsonLines()), /"expires"/);
    assert.equal(await patch.db("d").count("c"), 0);
  });
  assert.equal(await patch.db("d").count("c"), 2);
  await refused(patch.transaction(async (tx) => {
    await tx.node("n").kv.set("k", 1);
    await tx.db("d").importJsonLines("c", lines({ _id: "c" }, { _id: "b" }));
  }), "Exists", 2);
  assert.deepEqual([await patch.db("d").count("c"), await patch.node("n").kv.has("k")], [2, false]);
  await patch.close();
});

test("streams: nothing is read ahead of the reader, cancelling and aborting end it", async () => {
  const patch = await open();
  const db = patch.db("d");
  await db.insertMany("c", Array.from({ length: 5000 }, (_, n) => ({ n, text: "x".repeat(500) })));
  const stream = db.exportJsonLines("c");
  // Whatever comes before the first read is part of it.
  await db.insert("c", { n: "late" });
  const reader = stream.getReader();
  const { value } = await reader.read();
  assert.ok(value.length >= 64 * 1024 && value.length < 80 * 1024, `${value.length} bytes at once`);
  assert.equal(value.at(-1), 10);
  await reader.cancel();
  assert.match(await textOf(db.exportJsonLines("c")), /"late"/);
  const controller = new AbortController();
  const aborted = db.exportJsonLines("c", { signal: controller.signal }).getReader();
  await aborted.read();
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(aborted.read(), (error) => error === reason);
  await assert.rejects(db.importJsonLines("d", "{}", { signal: controller.signal }), (error) => error === reason);
  let cancelled;
  const endless = new ReadableStream({ pull: () => new Promise(() => {}), cancel: (why) => void (cancelled = why) });
  const second = new AbortController();
  const waiting = db.importJsonLines("d", endless, { signal: second.signal });
  second.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  assert.equal(cancelled, reason);
  const broken = new ReadableStream({ pull: (c) => c.error(new Error("the network")) });
  const error = await refused(db.importJsonLines("d", broken), "Unavailable", 1, /the network/);
  assert.equal(error.cause.message, "the network");
  await patch.close();
  assert.throws(() => db.exportJsonLines("c"), { code: "Closed" });
  await assert.rejects(db.importJsonLines("c", "{}"), { code: "Closed" });
});

test("memory stays bounded: an import of much more than a batch, and an export of it", { timeout: 60_000 }, async () => {
  const patch = await open();
  const line = new TextEncoder().encode(`${JSON.stringify({ text: "x".repeat(1 << 16) })}\n`);
  let left = 600;
  const source = new ReadableStream({ pull: (controller) => (left-- > 0 ? controller.enqueue(line) : controller.close()) }, { highWaterMark: 0 });
  const steps = [];
  const done = await patch.db("d").importJsonLines("c", source, { onProgress: ({ lines }) => steps.push(lines + left) });
  assert.equal(done.inserted, 600);
  // Each batch was stored before more than the next chunk was asked for.
  assert.ok(steps.length > 8 && steps.every((sum) => sum >= 598), steps.join());
  await patch.close();
});
