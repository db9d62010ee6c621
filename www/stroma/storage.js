/** What a reference manager asks of its storage, on one patch. */
import { openPatch } from "patchstore";
import { assetOf, contents, importFile, importPdf, takeInFiles } from "./assets.js";
import { migrate, STORE, VERSION } from "./tables.js";

/** What a library's patch has to be opened with. */
export const OPTIONS = { version: VERSION, migrate };

/** Opens a library; with `options` of `openPatch`. */
export async function openLibrary(id, options = {}) {
  const library = new Library(await openPatch(id, { ...OPTIONS, ...options }));
  await takeInFiles(library.patch);
  return library;
}

export class Library {
  constructor(patch) {
    this.patch = patch;
    this.db = patch.db(STORE);
  }

  async createReference({ type, title }) {
    const id = await this.db.insert("references", { type, title });
    return this.getReference(id);
  }

  getReference(id) {
    return this.db.findOne("references", id);
  }

  listReferences() {
    return this.db.find("references", {}, { sort: { title: 1 } });
  }

  /** With everything that belongs to it, in one commit. */
  async deleteReference(id) {
    await this.db.delete("references", id);
  }

  /**
   * An anchor; one of a text in a PDF has `page_index`, `text` and `rects` of `{page_index, x, y, width, height}`, which are parts of the
   * page's width and height, from its upper left corner.
   */
  async createAnchor({ reference_id, kind, page_index, text, rects = [] }) {
    const id = await this.patch.transaction(async (tx) => {
      const db = tx.db(STORE);
      const anchor_id = await db.insert("anchors", { reference_id, kind });
      if (page_index !== undefined) await db.insert("pdf_anchors", { anchor_id, page_index });
      if (text !== undefined) await db.insert("pdf_text_anchors", { anchor_id, text });
      await db.insertMany("pdf_text_anchor_rects", rects.map((rect) => ({ anchor_id, ...rect })));
      return anchor_id;
    });
    return this.#anchor(id);
  }

  getAnchorsForReference(reference_id) {
    return this.db.find("anchors", { reference_id }, { sort: { local_no: 1 }, include: PARTS });
  }

  async updateAnchor(id, { kind, page_index, text, rects }) {
    await this.patch.transaction(async (tx) => {
      const db = tx.db(STORE);
      if (kind !== undefined) await db.update("anchors", id, { kind });
      if (page_index !== undefined) await db.upsert("pdf_anchors", { anchor_id: id, page_index }, { on: "anchor_id" });
      if (text !== undefined) await db.upsert("pdf_text_anchors", { anchor_id: id, text }, { on: "anchor_id" });
      if (rects === undefined) return;
      await db.deleteMany("pdf_text_anchor_rects", { anchor_id: id });
      await db.insertMany("pdf_text_anchor_rects", rects.map((rect) => ({ anchor_id: id, ...rect })));
    });
    return this.#anchor(id);
  }

  /** Its notes stay, and are of no anchor then. */
  async deleteAnchor(id) {
    await this.db.delete("anchors", id);
  }

  async createNote({ reference_id, anchor_id = null, content, content_type = "text/markdown" }) {
    const id = await this.db.insert("notes", { reference_id, anchor_id, content, content_type });
    return this.getNote(id);
  }

  getNote(id) {
    return this.db.findOne("notes", id);
  }

  getNotesForReference(reference_id) {
    return this.db.find("notes", { reference_id }, { sort: { local_no: 1 } });
  }

  async updateNote(id, changes) {
    await this.db.update("notes", id, changes);
    return this.getNote(id);
  }

  async deleteNote(id) {
    await this.db.delete("notes", id);
  }

  /** A reference of a PDF, whose bytes are stored under their SHA-256: the same file is stored once. */
  async importPdf(file) {
    return this.getReference(await importPdf(this.patch, file));
  }

  /** The same of any other file; `onProgress` hears how many of its bytes are stored. */
  async importFile(file, { kind, onProgress }) {
    return this.getReference(await importFile(this.patch, file, { kind, onProgress }));
  }

  getAssetsForReference(reference_id) {
    return this.db.find("reference_assets", { reference_id });
  }

  /** A URL of the bytes behind a `uri`, until `releaseAssetPath` or the end of the page; undefined when there are none. */
  async getAssetPath(uri) {
    const asset = await assetOf(this.patch, uri);
    return asset === null ? undefined : this.patch.blobs.url(asset.file);
  }

  async releaseAssetPath(uri) {
    const asset = await assetOf(this.patch, uri);
    if (asset !== null) this.patch.blobs.revoke(asset.file);
  }

  /** Every content with what uses it; see `contents`. */
  listContents() {
    return contents(this.patch);
  }

  #anchor(id) {
    return this.db.findOne("anchors", id, { include: PARTS });
  }
}

const PARTS = {
  pdf: { collection: "pdf_anchors", foreign: "anchor_id", one: true, fields: ["page_index"] },
  quote: { collection: "pdf_text_anchors", foreign: "anchor_id", one: true, fields: ["text"] },
  rects: { collection: "pdf_text_anchor_rects", foreign: "anchor_id" },
};
