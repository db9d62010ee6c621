/** Drives the notes: written, listed, deleted, and written in another tab. */
import { deepStrictEqual, match } from "node:assert/strict";
import { eventually, lastOf, textOf } from "./page.mjs";

const NOTES = ["Water the plants", "Ünïcödé and\u00a0spaces", "Delete me", "Call Ada"];
const DELETED = "Delete me";
const ELSEWHERE = "From another tab";

/** The newest first. */
const LEFT = [ELSEWHERE, ...NOTES.filter((text) => text !== DELETED).reverse()];

const texts = (page) => page.locator("#note-list li span").allInnerTexts();

async function write(page, text) {
  // By the keyboard alone.
  await page.locator("#note-text").focus();
  await page.keyboard.insertText(text);
  await page.keyboard.press("Enter");
}

export async function fillNotes(page) {
  for (const [at, text] of NOTES.entries()) {
    await write(page, text);
    await eventually(() => texts(page), NOTES.slice(0, at + 1).reverse(), `after ${at + 1} notes`);
  }
  await page.getByRole("button", { name: `Delete the note ${DELETED}` }).press("Enter");
  await eventually(() => texts(page), LEFT.slice(1), "after one was deleted");
  const [list, find] = await lastOf(page, "#notes-patch", ["list", "find"]);
  match(list, /^\{"delete":\["notes","[\w-]{21}"\]\}$/);
  match(find, /^\{"find":"notes"\}$/);
  return `notes: ${NOTES.length} written, 1 deleted`;
}

/** Another tab loads the page, which counts, and writes a note. */
export async function writeElsewhere(page, open) {
  const visits = Number(await textOf(page, "#visits")) + 1;
  const other = await open();
  await eventually(() => textOf(page, "#visits"), String(visits), "a visit in another tab");
  await write(other, ELSEWHERE);
  await eventually(() => texts(page), LEFT, "with a note of another tab");
  const event = "demo-notes: change, another tab, node db-1";
  await eventually(async () => (await page.locator("#events-list li").allInnerTexts()).includes(event), true, event);
  await other.close();
  return `tabs: the other tab's visit and note were seen`;
}

export async function checkNotes(page) {
  deepStrictEqual(await texts(page), LEFT, "notes after the restart, the newest first");
  return `notes: ${LEFT.length} found again; ${await textOf(page, "#notes-timing")}`;
}
