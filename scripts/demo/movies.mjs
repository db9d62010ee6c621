/** Drives the movies: a real data set, all of which must be found again. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { textOf } from "./page.mjs";

export async function fillMovies(page) {
  await page.getByRole("button", { name: "Store the movies" }).press("Enter");
  await page.getByRole("button", { name: "Store them again", disabled: false }).waitFor();
  return `movies: ${await textOf(page, "#movies-timing")}`;
}

export async function checkMovies(page, sourceFile) {
  const source = JSON.parse(await readFile(sourceFile, "utf8"));
  const count = await checkDocuments(page, source);
  const comedies = await checkQuery(page, source, "Comedy");
  return `movies: ${count} documents equal their source, in its order; comedies: ${comedies}`;
}

/** Every document, in the order of the file, with every property in its order. */
async function checkDocuments(page, source) {
  const stored = await page.evaluate(async () => {
    const { openPatch } = await import("patchstore");
    const patch = await openPatch("demo-movies");
    const found = await patch.db("movies").find("movies");
    await patch.close();
    return found;
  });
  strictEqual(stored.length, source.length, "documents after the restart");
  const ids = new Set();
  for (const [at, document] of stored.entries()) {
    const { _id, _created, _updated, ...fields } = document;
    deepStrictEqual(fields, source[at], `document ${at}`);
    strictEqual(JSON.stringify(fields), JSON.stringify(source[at]), `document ${at}, order of fields`);
    ok(typeof _id === "string" && _id.length === 21, `document ${at}: _id ${_id}`);
    ok(Number.isFinite(_created) && _created === _updated, `document ${at}: ${_created}, ${_updated}`);
    ids.add(_id);
  }
  strictEqual(ids.size, source.length, "different ids");
  return stored.length;
}

/** What the page shows for a genre, against the same question to the source. */
async function checkQuery(page, source, genre) {
  await page.locator("#movies-genre").selectOption(genre);
  const wanted = source.filter((movie) => movie["Major Genre"] === genre);
  const rating = (movie) => movie["IMDB Rating"] ?? -Infinity;
  const titles = wanted
    .toSorted((a, b) => rating(b) - rating(a))
    .slice(0, 10)
    .map((movie) => String(movie.Title));
  await page.waitForFunction(
    (first) => document.querySelector("#movies-rows td")?.textContent === first,
    titles[0],
  );
  deepStrictEqual(await page.locator("#movies-rows td:first-child").allInnerTexts(), titles, genre);
  const timing = await textOf(page, "#query-timing");
  strictEqual(Number(timing.split(" ")[0].replace(/\D/g, "")), wanted.length, `count of ${genre}`);
  return timing;
}
