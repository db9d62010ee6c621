/** A team's site on the page: pages of sections, and images that workers take from a queue. */
import { openPart } from "../open.js";
import { count, element, guarded, make, ms, renewing, timed } from "../page.js";
import { Cms } from "./cms.js";

const IMAGES = 20;
const SECTIONS = ["hero", "text"];
/** More tabs than one may process at once: workers have names of their own. */
const WORKERS = ["one", "two"].map((name) => `${name} ${crypto.randomUUID()}`);

export async function startSite() {
  const patch = await openPart("site", "demo-site");
  const team = await new Cms(patch).team("demo");
  const { db } = team;
  const told = element("site-told");
  const slug = element("site-slug");
  const problem = element("site-problem");

  const { id: site } = await db.upsert("sites", { domain: "example.org" }, { on: "domain" });
  for (const name of SECTIONS) await db.upsert("section_definitions", { name }, { on: "name" });

  const show = renewing(async () => {
    const sites = await team.overview();
    const lines = sites.flatMap(({ domain, pages }) =>
      pages.map(({ slug, status, first }) => {
        const sections = first.map(({ definition }) => definition?.name).join();
        return make("li", `${domain}/${slug} (${status}), begins with ${sections || "nothing"}`);
      }),
    );
    element("site-pages").replaceChildren(...lines);
    const [images, ...states] = await Promise.all([db.count("images"), ...["pending", "processing", "completed", "failed"].map((status) => db.count("images", { status }))]);
    const [pending, processing, completed, failed] = states.map(count);
    told.textContent = `${count(images)} images: ${pending} pending, ${processing} processing, ${completed} completed, ${failed} failed; ${count(await db.count("image_variants"))} variants`;
  });

  element("site-form").addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    problem.hidden = true;
    const name = slug.value;
    try {
      await team.createPage(site, { slug: name, title: name }, SECTIONS.map((definition) => ({ definition, content: {} })));
      // (The next one may be under way.)
      if (slug.value === name) slug.value = "";
    } catch (error) {
      if (error.code !== "ConstraintViolation") throw error;
      problem.textContent = "There is a page of that name.";
      problem.hidden = false;
    }
    await show();
  }));

  element("site-add").addEventListener("click", guarded(async () => {
    const there = await db.count("images");
    for (let n = there; n < there + IMAGES; n++) await team.addImage({ hash: `image ${n}`, tags: [n % 2 ? "odd" : "even"] });
    await show();
  }));

  element("site-process").addEventListener("click", guarded(async () => {
    const work = async ({ hash }) => {
      if (hash === "image 7") throw new Error("cannot be decoded");
      return [200, 400].map((width) => ({ width, format: "webp" }));
    };
    const drain = async (name) => {
      while (await team.process(name, work));
    };
    const [, took] = await timed(() => Promise.all(WORKERS.map(drain)));
    await show();
    told.textContent += `; processed in ${ms(took)}`;
  }));

  patch.on("change", guarded(show));
  await show();
}
