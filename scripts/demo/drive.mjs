/** Uses the demo page as a person would, restarts the browser, and compares what it finds. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openBrowser } from "../../tests/browser/support/browser.mjs";
import { checkVisits, fillCounter } from "./counter.mjs";
import { checkDevices, fillDevices, losePhone } from "./devices.mjs";
import { changeKeys, checkEncryption, convertDiary, fillEncryption, useKeys } from "./encryption.mjs";
import { checkImport, fillImport } from "./import.mjs";
import { checkAssets, checkPapers, deletePapers, fillAssets, fillPapers } from "./library.mjs";
import { checkMovies, fillMovies } from "./movies.mjs";
import { checkNotes, fillNotes, writeElsewhere } from "./notes.mjs";
import { checkNodes, deleteNode } from "./nodes.mjs";
import { checkOpLog, fillOpLog, hearElsewhere } from "./op-log.mjs";
import { TIMEOUT_MS, textOf } from "./page.mjs";
import { checkPatches, deletePatches, fillPatches } from "./patches.mjs";
import { checkQuestions, fillQuestions } from "./questions.mjs";
import { checkSandboxes, fillSandboxes } from "./sandboxes.mjs";
import { askToPersist, checkSpace, fillSpace } from "./space.mjs";
import { checkLibrary, checkSite, fillLibrary, fillSite } from "./uses.mjs";

const WIDTHS = { wide: 1280, narrow: 400 };
/** What is photographed by itself, with what has just been done in it. */
const CHANGED = ["oplog", "space", "devices", "encryption"];

/**
 * @param {object} at
 * @param {string} at.url where the demo is served
 * @param {string} at.movies the data set that the page stores, a file
 * @param {string[]} at.papers the PDF that the page imports by itself, and another one, files
 * @param {string} [at.pictures] directory for screenshots; without it none are taken
 * @param {(line: string) => void} at.tell hears of every part that was gone through
 */
export async function drive({ url, movies, papers, pictures, tell }) {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-demo-"));
  try {
    await visit(profile, url, async (page, open) => {
      tell("first start");
      tell(await fillCounter(page));
      tell(await fillNotes(page));
      tell(await fillOpLog(page));
      tell(await writeElsewhere(page, open));
      tell(await hearElsewhere(page));
      tell(await fillSpace(page, movies));
      tell(await askToPersist(page));
      tell(await fillDevices(page, movies));
      tell(await fillEncryption(page));
      const [changed, key] = await changeKeys(page);
      tell(changed);
      if (pictures) await closeUp(page, pictures, CHANGED);
      tell(await useKeys(page, key));
      tell(await fillSandboxes(page));
      tell(await fillImport(page));
      tell(await fillMovies(page));
      tell(await fillQuestions(page, dirname(movies)));
      tell(await fillLibrary(page));
      tell(await fillPapers(page, papers));
      tell(await fillAssets(page, papers));
      tell(await fillSite(page));
      tell(await checkNodes(page));
      tell(await fillPatches(page));
    });
    await visit(profile, url, async (page, open) => {
      tell("second start, of a new browser");
      // Two loads and another tab's came before.
      tell(await checkVisits(page, 4, { value: 3, found: true }));
      tell(await checkNotes(page));
      tell(await checkOpLog(page));
      tell(await checkSpace(page, movies));
      tell(await checkDevices(page, movies));
      tell(await checkEncryption(page));
      tell(await checkSandboxes(page));
      tell(await checkMovies(page, movies));
      tell(await checkQuestions(page, dirname(movies)));
      tell(await checkLibrary(page));
      tell(await checkPapers(page));
      tell(await checkAssets(page, papers));
      tell(await checkSite(page));
      tell(await checkImport(page));
      tell(await checkNodes(page));
      tell(await checkPatches(page));
      tell(`storage: ${(await textOf(page, "#storage-figures")).replace(/\s*\n\s*/g, " ")}`);
      if (pictures) await closeUp(page, pictures, ["questions", "library", "assets", "site"]);
      await checkWidths(page, pictures);
      tell(await deletePapers(page));
      tell(await deleteNode(page));
      tell(await deletePatches(page));
      tell(await losePhone(page, movies));
      tell(await convertDiary(page, open));
    });
    tell("all of it was found again");
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One start of the browser: whatever its pages complain about is a failure. */
async function visit(profile, url, work) {
  const browser = await openBrowser({ profile });
  const complaints = [];
  async function open() {
    const page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(url);
    await page.waitForSelector("html[data-ready]", { timeout: TIMEOUT_MS / 2 }).catch((error) => {
      throw new Error(`the page did not come up: ${error.message}`);
    });
    return page;
  }
  try {
    await work(await open(), open);
    deepStrictEqual(complaints, [], "errors on the page");
  } catch (error) {
    if (complaints.length > 0) error.message += `\nThe page complained: ${complaints.join("; ")}`;
    throw error;
  } finally {
    await browser.close();
  }
}

/** Nothing sticks out at any width; what it looks like is left to people. */
async function checkWidths(page, pictures) {
  for (const [name, width] of Object.entries(WIDTHS)) {
    await page.setViewportSize({ width, height: 900 });
    const { wide, out } = await page.evaluate(sticksOut);
    strictEqual(wide, width, `how wide it is at ${width} px: ${out.join(", ")}`);
    if (pictures) await photograph(page, pictures, name, width);
  }
}

/** Runs in the page: how wide it is, and what reaches beyond its edge. */
function sticksOut() {
  const { scrollWidth: wide, clientWidth } = document.documentElement;
  const beyond = [...document.querySelectorAll("body *")].filter((each) => wide > clientWidth && each.getBoundingClientRect().right > clientWidth);
  return { wide, out: beyond.slice(0, 8).map((each) => `${each.localName}#${each.id}.${each.className}, to ${Math.round(each.getBoundingClientRect().right)}`) };
}

async function photograph(page, pictures, name, width) {
  await mkdir(pictures, { recursive: true });
  // The frames are painted only where the window shows them.
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(500);
    await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) });
  }
}

/** Photographs some sections by themselves. */
async function closeUp(page, pictures, sections) {
  await mkdir(pictures, { recursive: true });
  const before = page.viewportSize();
  for (const [name, width] of Object.entries(WIDTHS)) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const id of sections) await page.locator(`#${id}`).screenshot({ path: join(pictures, `${id}-${name}-${colorScheme}.png`) });
    }
  }
  await page.setViewportSize(before);
}
