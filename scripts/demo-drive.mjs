/** Uses the demo page as a person would, restarts the browser, and compares what it finds. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBrowser } from "../tests/browser/support/browser.mjs";

const NOTES = ["Water the plants", "Ünïcödé and\u00a0spaces", "Delete me", "Call Ada"];
const DELETED = "Delete me";
const TIMEOUT_MS = 120_000;

/**
 * @param {string} url where the demo is served
 * @param {string} sourceFile the data set that the page stores
 * @param {string} pictures directory for the screenshots
 */
export async function drive(url, sourceFile, pictures) {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-demo-"));
  await mkdir(pictures, { recursive: true });
  try {
    await visit(profile, url, (page) => fill(page));
    await visit(profile, url, (page) => check(page, sourceFile, pictures));
    console.log("demo: all of it was found again");
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One start of the browser: whatever the page complains about is a failure. */
async function visit(profile, url, work) {
  const browser = await openBrowser({ profile });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(url);
    await page.waitForSelector("html[data-ready]").catch((error) => {
      throw new Error(`the page did not come up: ${complaints.join("; ") || error.message}`);
    });
    await work(page);
    deepStrictEqual(complaints, [], "errors on the page");
  } finally {
    await browser.close();
  }
}

const textOf = async (page, selector) => (await page.locator(selector).innerText()).trim();
const noteTexts = (page) => page.locator("#note-list li span").allInnerTexts();

async function fill(page) {
  strictEqual(await textOf(page, "#visits"), "1", "visits at the first load");
  for (const [at, text] of NOTES.entries()) {
    // By the keyboard alone.
    await page.locator("#note-text").focus();
    await page.keyboard.insertText(text);
    await page.keyboard.press("Enter");
    await page.locator("#note-list li").nth(at).waitFor();
  }
  await page.getByRole("button", { name: `Delete the note ${DELETED}` }).press("Enter");
  await page.waitForFunction((left) => document.querySelectorAll("#note-list li").length === left, NOTES.length - 1);

  await page.getByRole("button", { name: "Store the movies" }).press("Enter");
  await page.getByRole("button", { name: "Store them again", disabled: false }).waitFor();
  console.log(`demo: first start: 1 visit, ${NOTES.length - 1} notes; ${await textOf(page, "#movies-timing")}`);
}

async function check(page, sourceFile, pictures) {
  strictEqual(await textOf(page, "#visits"), "2", "visits after the restart");
  const expected = NOTES.filter((text) => text !== DELETED).reverse();
  deepStrictEqual(await noteTexts(page), expected, "notes after the restart, the newest first");
  console.log(`demo: second start: 2 visits, ${expected.length} notes; ${await textOf(page, "#counter-timing")}`);

  const source = JSON.parse(await readFile(sourceFile, "utf8"));
  await checkMovies(page, source);
  await checkQuery(page, source, "Comedy");
  console.log(`demo: storage: ${(await textOf(page, "#storage-figures")).replace(/\s*\n\s*/g, " ")}`);

  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `${colorScheme}.png`), fullPage: true });
  }
  console.log(`demo: screenshots in ${pictures}`);
}

/** Every document, in the order of the file, with every property in its order. */
async function checkMovies(page, source) {
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
  console.log(`demo: ${stored.length} of ${source.length} documents equal their source, in its order`);
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
  console.log(`demo: ${genre}: ${timing}`);
}
