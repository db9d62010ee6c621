/** A content management system on one patch: teams, sites, pages of sections, and images that workers process. */
import { defineTeam, storeOf } from "./tables.js";

export class Cms {
  constructor(patch) {
    this.patch = patch;
  }

  /** A team, the store of which is made if need be. */
  async team(name) {
    const db = this.patch.db(storeOf(name));
    await defineTeam(db);
    return new Team(this.patch, name, db);
  }
}

/** How images end: what `work` threw is kept with those that failed. */
const ENDS = { completed: "completed", failed: "failed" };

class Team {
  constructor(patch, name, db) {
    this.patch = patch;
    this.name = name;
    this.db = db;
  }

  createSite(site) {
    return this.db.insert("sites", site);
  }

  /** A page with its sections, all or nothing: `[{ definition, content }]`, by the names of definitions. */
  createPage(site_id, page, sections) {
    return this.patch.transaction(async (tx) => {
      const db = tx.db(storeOf(this.name));
      const page_id = await db.insert("pages", { status: "draft", ...page, site_id });
      for (const { definition, content } of sections) {
        const found = await db.findOne("section_definitions", { name: definition });
        if (found === null) throw new Error(`there is no section "${definition}"`);
        await db.insert("section_entries", { page_id, definition_id: found._id, content });
      }
      return page_id;
    });
  }

  /** Makes a page, or changes the one that has its slug in its site. */
  savePage(site_id, page) {
    return this.db.upsert("pages", { ...page, site_id }, { on: ["site_id", "slug"] });
  }

  /** Sites with their pages, and of each page the first section with its definition. */
  overview() {
    const definition = { collection: "section_definitions", local: "definition_id", one: true, fields: ["name"] };
    const first = { collection: "section_entries", foreign: "page_id", sort: { order: 1 }, limit: 1, include: { definition } };
    const pages = { collection: "pages", foreign: "site_id", sort: { slug: 1 }, include: { first } };
    return this.db.find("sites", {}, { sort: { domain: 1 }, include: { pages } });
  }

  /** An image to be processed; the same content is there once. */
  addImage(image) {
    return this.db.upsert("images", { status: "pending", ...image }, { on: "hash" });
  }

  /** Takes the oldest image that waits, for this worker alone; null when none does. */
  take(worker) {
    return this.patch.transaction(async (tx) => {
      const db = tx.db(storeOf(this.name));
      const [next] = await db.find("images", { status: "pending" }, { sort: { _created: 1 }, limit: 1 });
      if (next === undefined) return null;
      await db.update("images", next._id, { status: "processing", worker });
      return next;
    });
  }

  /** Processes one image that waits: `work(image)` gives its variants. False when none waits. */
  async process(worker, work) {
    const image = await this.take(worker);
    if (image === null) return false;
    try {
      const variants = await work(image);
      await this.patch.transaction(async (tx) => {
        const db = tx.db(storeOf(this.name));
        await db.insertMany("image_variants", variants.map((variant) => ({ ...variant, image_id: image._id })));
        await db.update("images", image._id, { status: ENDS.completed });
      });
    } catch (error) {
      await this.db.update("images", image._id, { status: ENDS.failed, why: String(error) });
    }
    return true;
  }
}
