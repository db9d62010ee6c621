/** Drives the library and the site: what the store keeps together, and what it refuses. */
import { deepStrictEqual } from "node:assert/strict";
import { click, eventually, linesOf, press, textOf } from "./page.mjs";

const spoken = (lines) => lines.map((line) => line.split("\n")[0].trim());

const libraryIs = (page, expected) =>
  eventually(async () => spoken(await page.locator("#library-list li > span").allInnerTexts()), expected, "the library");

export async function fillLibrary(page) {
  for (const title of ["Gödel, Escher, Bach", "A Pattern Language"]) {
    await page.locator("#library-name").fill(title);
    await press(page, "Add it");
    await page.getByRole("button", { name: `Delete it: ${title}` }).waitFor();
  }
  const on = async (what, title, expected) => {
    await page.getByRole("button", { name: `${what}: ${title}`, exact: true }).click();
    await libraryIs(page, expected);
  };
  const other = "A Pattern Language: anchors none; notes none, 0 of them anchored";
  const title = "Gödel, Escher, Bach";
  await on("Anchor", title, [other, `${title}: anchors 1; notes none, 0 of them anchored`]);
  await on("Anchor", title, [other, `${title}: anchors 1, 2; notes none, 0 of them anchored`]);
  await on("Note", title, [other, `${title}: anchors 1, 2; notes 1, 1 of them anchored`]);
  await on("Anchor", "A Pattern Language", ["A Pattern Language: anchors 1; notes none, 0 of them anchored", `${title}: anchors 1, 2; notes 1, 1 of them anchored`]);
  await on("Delete it", "A Pattern Language", [`${title}: anchors 1, 2; notes 1, 1 of them anchored`]);
  await on("Anchor", title, [`${title}: anchors 1, 2, 3; notes 1, 1 of them anchored`]);
  await on("Note", title, [`${title}: anchors 1, 2, 3; notes 1, 2, 2 of them anchored`]);
  await on("Take the last anchor away", title, [`${title}: anchors 1, 2; notes 1, 2, 1 of them anchored`]);
  await on("Anchor", title, [`${title}: anchors 1, 2, 4; notes 1, 2, 1 of them anchored`]);
  return `library: ${(await linesOf(page, "#library-list")).length} reference, numbered by the store; what belonged to another went with it`;
}

export async function checkLibrary(page) {
  await libraryIs(page, [
    "Gödel, Escher, Bach: anchors 1, 2, 4; notes 1, 2, 1 of them anchored",
    "TraceMonkey: anchors 1; notes 1, 1 of them anchored",
    "cover: anchors none; notes none, 0 of them anchored",
  ]);
  return "library: as it was left";
}

const siteSays = (page) => textOf(page, "#site-told");

export async function fillSite(page) {
  const make = async (slug) => {
    await page.locator("#site-slug").fill(slug);
    await page.locator("#site-form button").press("Enter");
  };
  await make("home");
  await eventually(() => linesOf(page, "#site-pages"), ["example.org/home (draft), begins with hero"], "a page");
  await make("home");
  await page.locator("#site-problem").waitFor();
  await make("about");
  await eventually(() => linesOf(page, "#site-pages"), ["about", "home"].map((slug) => `example.org/${slug} (draft), begins with hero`), "two pages");
  await click(page, "Add images");
  await eventually(() => siteSays(page), "20 images: 20 pending, 0 processing, 0 completed, 0 failed; 0 variants", "images");
  await click(page, "Process them");
  await eventually(async () => (await siteSays(page)).split(";").slice(0, 2).join(";"), "20 images: 0 pending, 0 processing, 19 completed, 1 failed; 38 variants", "all are processed");
  return `site: ${await siteSays(page)}`;
}

export async function checkSite(page) {
  deepStrictEqual(await linesOf(page, "#site-pages"), ["about", "home"].map((slug) => `example.org/${slug} (draft), begins with hero`));
  deepStrictEqual(await siteSays(page), "20 images: 0 pending, 0 processing, 19 completed, 1 failed; 38 variants");
  return "site: as it was left";
}
