/** The tables of a reference manager as collections: references, their assets, anchors in PDFs with texts and rects, notes. */

/** The version of the tables' shape; see `migrate`. */
export const VERSION = 3;

/** The document store that they are in. */
export const STORE = "stroma";

const ofReference = { reference_id: { collection: "references", onDelete: "cascade" } };
const ofAnchor = { anchor_id: { collection: "anchors", onDelete: "cascade" } };
/** Numbers for people, from 1 within each reference; no number comes twice. */
const numbered = {
  indexes: [{ fields: ["reference_id", "local_no"], unique: true }],
  sequences: { local_no: { per: "reference_id" } },
};

const TABLES = {
  references: { indexes: [{ fields: "title" }] },
  // `file` is a BlobRef: as long as an asset has it, the bytes stay.
  reference_assets: { references: ofReference, indexes: [{ fields: ["reference_id", "uri"], unique: true }, { fields: "uri" }] },
  anchors: { references: ofReference, ...numbered },
  pdf_anchors: { references: ofAnchor, indexes: [{ fields: "anchor_id", unique: true }, { fields: "page_index" }] },
  pdf_text_anchors: { references: ofAnchor, indexes: [{ fields: "anchor_id", unique: true }] },
  pdf_text_anchor_rects: { references: ofAnchor },
  notes: { references: { ...ofReference, anchor_id: { collection: "anchors", onDelete: "set-null" } }, ...numbered },
};

/** To be given to `openPatch` with VERSION. */
export async function migrate(tx, from) {
  const db = tx.db(STORE);
  if (from < 1) {
    for (const [table, definition] of Object.entries(TABLES)) await db.define(table, definition);
  }
  // Notes were plain text, all of them.
  if (from < 2) await db.updateMany("notes", { content_type: { $exists: false } }, { content_type: "text/plain" });
  // Files were values of pairs; see `takeInFiles`.
  if (from >= 1 && from < 3) await db.define("reference_assets", TABLES.reference_assets);
}
