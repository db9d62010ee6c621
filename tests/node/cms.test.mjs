/** A content management system on the packed package: relations, unique slugs, a queue, and tenants apart. */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { installPacked } from "../browser/support/packed.mjs";

const SOURCE = fileURLToPath(new URL("../../www/cms", import.meta.url));

let remove, patch, cms;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  await cp(SOURCE, join(home, "cms"), { recursive: true });
  const { Cms } = await import(pathToFileURL(join(home, "cms", "cms.js")));
  const { openPatch } = await import(pathToFileURL(join(home, "node_modules", "patchstore", "index.js")));
  patch = await openPatch("cms", { backend: "memory" });
  cms = new Cms(patch);
});
after(async () => {
  await patch?.close();
  await remove?.();
});

const refused = (promise) => assert.rejects(promise, { code: "ConstraintViolation" });

/** A team with two sections, a site and its first page. */
async function prepared(name) {
  const team = await cms.team(name);
  await team.db.insertMany("section_definitions", [{ _id: "hero", name: "hero" }, { _id: "text", name: "text" }]);
  const site = await team.createSite({ domain: "example.org" });
  const page = await team.createPage(site, { slug: "home", title: "Home" }, [
    { definition: "hero", content: { title: "Hello" } },
    { definition: "text", content: { body: "…" } },
  ]);
  return { team, site, page };
}

test("relations three levels deep, in order, of one moment", async () => {
  const { team, site } = await prepared("levels");
  await team.createPage(site, { slug: "about" }, [{ definition: "text", content: { body: "us" } }]);
  const other = await team.createSite({ domain: "a.example.org" });
  const seen = (await team.overview()).map(({ domain, pages }) => [
    domain,
    pages.map(({ slug, first }) => [slug, first.map(({ order, definition }) => [order, definition.name])]),
  ]);
  assert.deepEqual(seen, [
    ["a.example.org", []],
    ["example.org", [["about", [[1, "text"]]], ["home", [[1, "hero"]]]]],
  ]);
  await team.db.delete("sites", site);
  assert.deepEqual((await team.overview()).map(({ _id, pages }) => [_id, pages]), [[other, []]]);
  assert.deepEqual([await team.db.count("pages"), await team.db.count("section_entries"), await team.db.count("section_definitions")], [0, 0, 2]);
});

test("slugs are unique within a site, and a page with its sections is all or nothing", async () => {
  const { team, site, page } = await prepared("slugs");
  await refused(team.createPage(site, { slug: "home" }, []));
  await assert.rejects(team.createPage(site, { slug: "broken" }, [{ definition: "hero" }, { definition: "none" }]), /no section/);
  assert.deepEqual((await team.db.find("pages")).map(({ slug }) => slug), ["home"]);
  assert.equal(await team.db.count("section_entries"), 2);
  assert.deepEqual(await team.savePage(site, { slug: "home", title: "Start" }), { id: page, inserted: false });
  assert.equal((await team.savePage(site, { slug: "new", title: "New" })).inserted, true);
  const second = await team.createSite({ domain: "second.example.org" });
  assert.equal((await team.savePage(second, { slug: "home", title: "Other" })).inserted, true);
  assert.equal((await team.db.findOne("pages", page)).title, "Start");
  await refused(team.createSite({ domain: "example.org" }));
  await refused(team.savePage("no site", { slug: "x" }));
  await refused(team.db.delete("section_definitions", "hero"));
  await team.db.deleteMany("section_entries", { definition_id: "hero" });
  assert.equal(await team.db.delete("section_definitions", "hero"), true);
});

test("images are there once, and each is processed by one worker", async () => {
  const { team } = await prepared("images");
  const first = await team.addImage({ hash: "h0", tags: ["red", "wide"] });
  assert.deepEqual(await team.addImage({ hash: "h0", tags: ["red"] }), { id: first.id, inserted: false });
  for (let n = 1; n < 20; n++) await team.addImage({ hash: `h${n}`, tags: n % 2 ? ["red"] : ["blue", "wide"] });
  assert.equal(await team.db.count("images", { tags: { $contains: "wide" } }), 9);
  assert.equal((await team.db.explain("images", { tags: { $contains: "wide" } })).kind, "index");
  const taken = [];
  const worker = async (name) => {
    const work = async ({ hash }) => {
      taken.push(hash);
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (hash === "h7") throw new Error("broken");
      return [{ width: 100, format: "webp" }, { width: 200, format: "webp" }];
    };
    while (await team.process(name, work));
  };
  await Promise.all(["one", "two", "three"].map(worker));
  assert.equal(new Set(taken).size, 20);
  assert.equal(taken.length, 20);
  assert.deepEqual(await team.db.distinct("images", "status"), ["completed", "failed"]);
  assert.match((await team.db.findOne("images", { status: "failed" })).why, /broken/);
  assert.equal(await team.db.count("image_variants"), 38);
  await team.db.delete("images", first.id);
  assert.equal(await team.db.count("image_variants"), 36);
});

test("no team reaches another's", async () => {
  const [{ team: one, page }, { team: two }] = [await prepared("one"), await prepared("two")];
  assert.equal(await two.db.findOne("pages", page), null);
  await refused(two.db.insert("section_entries", { page_id: page, definition_id: "hero" }));
  await one.db.deleteMany("pages", {});
  assert.equal(await two.db.count("pages"), 1);
});
