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
  const rects = [{ page_index: 1, x: 0, y: 0, width: 1, height: 2 }, { page_index: 1, x: 5, y: 5, width: 1, height: 2 }];
  const anchors = [];
  for (const reference_id of [kept._id, gone._id]) {
    const anchor = await all.createAnchor({ reference_id, kind: "pdf", page_index: 1, text: "quoted", rects });
    assert.deepEqual([anchor.pdf.page_index, anchor.quote.text, anchor.rects.map(({ x }) => x)], [1, "quoted", [0, 5]]);
    anchors.push(anchor);
    await all.createNote({ reference_id, anchor_id: anchor._id, content: "at it" });
    await all.createNote({ reference_id, content: "alone" });
  }
  await all.updateAnchor(anchors[0]._id, { page_index: 7, text: "again" });
  assert.deepEqual((await all.getAnchorsForReference(kept._id)).map(({ pdf, quote }) => [pdf.page_index, quote.text]), [[7, "again"]]);
  await refused(all.db.insert("pdf_anchors", { anchor_id: anchors[0]._id, page_index: 2 }));

  await all.deleteReference(gone._id);
  const counts = async () => Object.fromEntries(await Promise.all((await all.db.collections()).map(async (name) => [name, await all.db.count(name)])));
  assert.deepEqual(await counts(), { references: 1, anchors: 1, pdf_anchors: 1, pdf_text_anchors: 1, pdf_text_anchor_rects: 2, notes: 2 });
  await all.deleteAnchor(anchors[0]._id);
  const notes = await all.getNotesForReference(kept._id);
  assert.deepEqual(notes.map(({ anchor_id, content }) => [anchor_id, content]), [[null, "at it"], [null, "alone"]]);
  assert.equal(await all.db.count("pdf_text_anchor_rects"), 0);
  await all.deleteNote(notes[0]._id);
  assert.deepEqual(await all.updateNote(notes[1]._id, { content: "changed" }), { ...notes[1], content: "changed", _updated: (await all.getNote(notes[1]._id))._updated });
});

test("a file is stored once, under what it holds", async () => {
  const all = await library();
  const file = (name, text) => new File([text], name);
  const [one, two] = [await all.importPdf(file("one.pdf", "%PDF the same")), await all.importPdf(file("two.PDF", "%PDF the same"))];
  assert.deepEqual([one.title, two.title], ["one", "two"]);
  assert.equal(await all.files.count(), 1);
  const [asset] = await all.db.find("reference_assets", { reference_id: two._id });
  assert.equal(Buffer.from(await all.getAsset(asset.uri)).toString(), "%PDF the same");
  await refused(all.db.insert("reference_assets", { ...asset, _id: "again" }), [asset._id, "again"].sort());
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
