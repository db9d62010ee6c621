/** A reference manager's tables, on the packed package: references, cascades, numbers for people, and migrations. */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { installPacked } from "../browser/support/packed.mjs";

const SOURCE = fileURLToPath(new URL("../../www/stroma", import.meta.url));

let remove, openLibrary, lib, opened = 0;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  // Its modules import the package by its name.
  await cp(SOURCE, join(home, "stroma"), { recursive: true });
  ({ openLibrary } = await import(pathToFileURL(join(home, "stroma", "storage.js"))));
  lib = await import(pathToFileURL(join(home, "node_modules", "patchstore", "index.js")));
});
after(() => remove?.());

async function library(options) {
  const made = await openLibrary(`library ${++opened}`, { backend: "memory", ...options });
  after(() => made.patch.close());
  return made;
}

const refused = (promise, ids) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.code, "ConstraintViolation", error.message);
    if (ids) assert.deepEqual([...error.ids].sort(), ids);
    return true;
  });

test("anchors and notes are numbered within their reference, and no number comes twice", async () => {
  const all = await library();
  const [a, b] = [await all.createReference({ type: "book", title: "B" }), await all.createReference({ type: "pdf", title: "A" })];
  assert.deepEqual((await all.listReferences()).map(({ title }) => title), ["A", "B"]);
  const anchors = [];
  for (const reference of [a, a, b, a]) anchors.push(await all.createAnchor({ reference_id: reference._id, kind: "pdf" }));
  assert.deepEqual(anchors.map(({ local_no }) => local_no), [1, 2, 1, 3]);
  await all.deleteAnchor(anchors[3]._id);
  assert.equal((await all.createAnchor({ reference_id: a._id, kind: "pdf" })).local_no, 4, "a number is not used again");
  await all.updateAnchor(anchors[0]._id, { kind: "web" });
  assert.deepEqual((await all.getAnchorsForReference(a._id)).map(({ local_no, kind }) => [local_no, kind]), [[1, "web"], [2, "pdf"], [4, "pdf"]]);
  // A number that is given is kept, and moves those that follow; one that is taken is refused.
  await all.db.insert("anchors", { reference_id: a._id, local_no: 10 });
  assert.equal((await all.createAnchor({ reference_id: a._id })).local_no, 11);
  await refused(all.db.insert("anchors", { _id: "twice", reference_id: a._id, local_no: 2 }), [anchors[1]._id, "twice"].sort());
  await refused(all.createNote({ reference_id: "nobody", content: "" }));
  const notes = await Promise.all(Array.from({ length: 20 }, (_, n) => all.createNote({ reference_id: b._id, content: `note ${n}` })));
  assert.deepEqual(notes.map(({ local_no }) => local_no).sort((x, y) => x - y), Array.from({ length: 20 }, (_, n) => n + 1), "a failed one leaves no gap");
});

test("what belongs to a reference or an anchor goes with it, or is of none", async () => {
  const all = await library();
  const [kept, gone] = [await all.createReference({ title: "kept" }), await all.createReference({ title: "gone" })];
  const rects = [{ page_index: 1, x: 0, y: 0, width: 0.1, height: 0.02 }, { page_index: 1, x: 0.5, y: 0.5, width: 0.1, height: 0.02 }];
  const anchors = [];
  for (const reference_id of [kept._id, gone._id]) {
    const anchor = await all.createAnchor({ reference_id, kind: "pdf", page_index: 1, text: "quoted", rects });
    assert.deepEqual([anchor.pdf.page_index, anchor.quote.text, anchor.rects.map(({ x }) => x)], [1, "quoted", [0, 0.5]]);
    anchors.push(anchor);
    await all.createNote({ reference_id, anchor_id: anchor._id, content: "at it" });
    await all.createNote({ reference_id, content: "alone" });
  }
  await all.updateAnchor(anchors[0]._id, { page_index: 7, text: "again" });
  assert.deepEqual((await all.getAnchorsForReference(kept._id)).map(({ pdf, quote }) => [pdf.page_index, quote.text]), [[7, "again"]]);
  await refused(all.db.insert("pdf_anchors", { anchor_id: anchors[0]._id, page_index: 2 }));
  const first = await all.updateAnchor(anchors[0]._id, { rects: [{ page_index: 7, x: 0.25, y: 0, width: 0.5, height: 0.01 }, ...rects] });
  assert.deepEqual(first.rects.map(({ page_index, x }) => [page_index, x]), [[7, 0.25], [1, 0], [1, 0.5]], "its rectangles are others");

  await all.deleteReference(gone._id);
  const counts = async () => Object.fromEntries(await Promise.all((await all.db.collections()).map(async (name) => [name, await all.db.count(name)])));
  assert.deepEqual(await counts(), { references: 1, anchors: 1, pdf_anchors: 1, pdf_text_anchors: 1, pdf_text_anchor_rects: 3, notes: 2 });
  await all.deleteAnchor(anchors[0]._id);
  const notes = await all.getNotesForReference(kept._id);
  assert.deepEqual(notes.map(({ anchor_id, content }) => [anchor_id, content]), [[null, "at it"], [null, "alone"]]);
  assert.equal(await all.db.count("pdf_text_anchor_rects"), 0);
  await all.deleteNote(notes[0]._id);
  assert.deepEqual(await all.updateNote(notes[1]._id, { content: "changed" }), { ...notes[1], content: "changed", _updated: (await all.getNote(notes[1]._id))._updated });
});

const pdf = (name, text) => new File([`%PDF-1.4 ${text} `.repeat(10_000)], name, { type: "application/pdf" });
const contentsOf = async (all) => (await all.listContents()).map(({ size, held, uses }) => [size, held, uses.map(({ reference }) => reference.title).sort()]);

test("a file is stored once, under what it holds, by one commit with its reference", async () => {
  const all = await library();
  const commits = [];
  all.patch.on("change", ({ scopes }) => commits.push(scopes.map(({ name }) => name)));
  const one = await all.importPdf(pdf("one.pdf", "the same"));
  assert.equal(commits.filter((names) => names.includes("stroma")).length, 1, "reference and asset together");
  const two = await all.importPdf(pdf("two.PDF", "the same"));
  assert.deepEqual([one.title, two.title, one.type], ["one", "two", "pdf"]);
  const { size } = pdf("", "the same");
  assert.deepEqual(await contentsOf(all), [[size, true, ["one", "two"]]]);
  const stored = (await all.patch.stats()).blobBytes;
  assert.ok(stored >= size && stored < size + 4_000, `${stored} for ${size}`);

  const [[first], [asset]] = [await all.getAssetsForReference(one._id), await all.getAssetsForReference(two._id)];
  assert.equal(first.uri, asset.uri);
  assert.match(asset.uri, /^app-asset:\/\/blobs\/[0-9a-f]{64}$/);
  assert.deepEqual([asset.file.hash, asset.byte_size, asset.file.type], [asset.uri.slice(-64), size, "application/pdf"]);
  assert.ok(asset.file instanceof lib.BlobRef);
  await refused(all.db.insert("reference_assets", { ...asset, _id: "again" }), [asset._id, "again"].sort());

  const url = await all.getAssetPath(asset.uri);
  assert.equal(await all.getAssetPath(asset.uri), url, "one URL for one content");
  assert.equal(await (await fetch(url)).text(), await pdf("", "the same").text());
  await all.releaseAssetPath(asset.uri);
  await assert.rejects(fetch(url));
  assert.equal(await all.getAssetPath(`app-asset://blobs/${"0".repeat(64)}`), undefined);
});

test("what is no PDF is not imported, and leaves nothing", async () => {
  const all = await library();
  await assert.rejects(all.importPdf(new File(["plain"], "notes.txt")), TypeError);
  assert.deepEqual([await all.db.count("references"), await contentsOf(all)], [0, []]);
});

test("the space of a file comes back with the last reference that uses it", async () => {
  const all = await library();
  const [one, two, other] = [await all.importPdf(pdf("one.pdf", "shared")), await all.importPdf(pdf("two.pdf", "shared")), await all.importPdf(pdf("other.pdf", "its own"))];
  const image = await all.importFile(new File([new Uint8Array(70_000)], "cover.png", { type: "image/png" }), { kind: "image" });
  assert.deepEqual([image.title, image.type], ["cover", "image"]);
  const sizes = { shared: pdf("", "shared").size, own: pdf("", "its own").size };
  const left = async () => {
    await all.patch.compact();
    const { blobBytes } = await all.patch.stats();
    return (await contentsOf(all)).map(([size, held, uses]) => [size, held, uses.join()]).sort(([a], [b]) => a - b).concat([Math.round(blobBytes / 1_000)]);
  };
  const kB = (...bytes) => Math.round(bytes.reduce((sum, each) => sum + each, 0) / 1_000);
  const rest = [[70_000, true, "cover"]];
  const byBoth = [sizes.shared, true, "one,two"];
  const ofOther = [sizes.own, true, "other"];
  const sorted = (...lines) => [...rest, ...lines].sort(([a], [b]) => a - b);
  assert.deepEqual(await left(), [...sorted(byBoth, ofOther), kB(70_000, sizes.shared, sizes.own)]);
  await all.deleteReference(one._id);
  assert.deepEqual(await left(), [...sorted([sizes.shared, true, "two"], ofOther), kB(70_000, sizes.shared, sizes.own)]);
  await all.deleteReference(two._id);
  assert.deepEqual(await left(), [...sorted(ofOther), kB(70_000, sizes.own)]);
  await all.deleteReference(other._id);
  await all.deleteReference(image._id);
  assert.deepEqual(await left(), [0]);
  assert.equal(await all.db.count("reference_assets"), 0);
});

test("files that an older version kept as bytes in pairs become contents", async () => {
  const id = `library ${++opened}`;
  const open = () => openLibrary(id, { backend: "memory" });
  const all = await open();
  const bytes = new Uint8Array(await pdf("", "old").arrayBuffer());
  const hash = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
  const uri = `app-asset://blobs/${hash}`;
  const { _id } = await all.createReference({ type: "pdf", title: "old" });
  await all.db.insert("reference_assets", { reference_id: _id, kind: "pdf", uri, content_hash: hash, byte_size: bytes.length });
  await all.patch.kv("stroma").set(hash, bytes);
  const again = await open();
  assert.deepEqual(await contentsOf(again), [[bytes.length, true, ["old"]]]);
  assert.equal(await again.patch.kv("stroma").count(), 0);
  assert.equal((await again.getAssetsForReference(_id))[0].file.hash, hash);
  assert.deepEqual(new Uint8Array(await (await fetch(await again.getAssetPath(uri))).arrayBuffer()), bytes);
  for (const each of [all, again]) await each.patch.close();
});

test("the tables' shape comes by migrations", async () => {
  const all = await library();
  for (const [table, indexes] of [["anchors", [["reference_id", "local_no"]]], ["pdf_anchors", [["anchor_id"], ["page_index"]]], ["notes", [["reference_id", "local_no"]]]]) {
    assert.deepEqual((await all.db.indexes(table)).map(({ fields }) => fields), indexes);
  }
  const plan = await all.db.explain("notes", { reference_id: "x" }, { sort: { local_no: 1 } });
  assert.deepEqual(plan, { kind: "index", index: ["reference_id", "local_no"], ordered: true });
  await all.patch.close();
});
