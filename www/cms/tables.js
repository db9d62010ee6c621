/** The tables of a content management system as collections. Each team has a store of its own, so that none reaches another's. */

export const VERSION = 1;

const cascade = (collection) => ({ collection, onDelete: "cascade" });

const TABLES = {
  sites: { indexes: [{ fields: "domain", unique: true }] },
  pages: { references: { site_id: cascade("sites") }, indexes: [{ fields: ["site_id", "slug"], unique: true }, { fields: ["status", "_updated"] }] },
  section_definitions: { indexes: [{ fields: "name", unique: true }] },
  section_entries: {
    references: { page_id: cascade("pages"), definition_id: { collection: "section_definitions", onDelete: "restrict" } },
    sequences: { order: { per: "page_id" } },
    indexes: [{ fields: ["page_id", "order"], unique: true }],
  },
  images: { indexes: [{ fields: "hash", unique: true }, { fields: ["status", "_created"] }, { fields: "tags", multi: true }] },
  image_variants: { references: { image_id: cascade("images") }, indexes: [{ fields: ["image_id", "width", "format"], unique: true }] },
};

export const storeOf = (team) => `team ${team}`;

/** Defines what a team's store keeps to; once defined, the same again changes nothing. */
export async function defineTeam(db) {
  for (const [table, definition] of Object.entries(TABLES)) await db.define(table, definition);
}
