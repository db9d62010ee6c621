/** What a reference manager asks of its storage, on one patch. */
import { openPatch } from "patchstore";
import { migrate, STORE, VERSION } from "./tables.js";

const ASSET = "app-asset://blobs/";

/** What a library's patch has to be opened with. */
export const OPTIONS = { version: VERSION, migrate };

/** Opens a library; with `options` of `openPatch`. */
export async function openLibrary(id, options = {}) {
  return new Library(await openPatch(id, { ...OPTIONS, ...options }));
}

export class Library {
  constructor(patch) {
    this.patch = patch;
    this.db = patch.db(STORE);
    this.files = patch.kv(STORE);
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

  /** An anchor; one of a text in a PDF has `page_index`, `text` and `rects` of `{page_index, x, y, width, height}`. */
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

  async updateAnchor(id, { kind, page_index, text }) {
    await this.patch.transaction(async (tx) => {
      const db = tx.db(STORE);
      if (kind !== undefined) await db.update("anchors", id, { kind });
      if (page_index !== undefined) await db.upsert("pdf_anchors", { anchor_id: id, page_index }, { on: "anchor_id" });
      if (text !== undefined) await db.upsert("pdf_text_anchors", { anchor_id: id, text }, { on: "anchor_id" });
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

  /** A reference of a file, stored under the hash of its bytes: the same file is stored once. */
  async importPdf(file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const hash = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const id = await this.patch.transaction(async (tx) => {
      const [db, files] = [tx.db(STORE), tx.kv(STORE)];
      if (!(await files.has(hash))) await files.set(hash, bytes);
      const reference_id = await db.insert("references", { type: "pdf", title: file.name.replace(/\.pdf$/i, "") });
      await db.insert("reference_assets", { reference_id, kind: "pdf", uri: ASSET + hash, content_hash: hash, byte_size: bytes.length });
      return reference_id;
    });
    return this.getReference(id);
  }

  /** The bytes behind a `uri`; undefined when there are none. */
  getAsset(uri) {
    return this.files.get(uri.slice(ASSET.length));
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
