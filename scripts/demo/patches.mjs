/** Drives what is done to whole patches: list, make, save as, export and import, delete. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { eventually, press, rowsOf, textOf } from "./page.mjs";
import { seen } from "./sandboxes.mjs";

const QUESTION = "This patch has stored data. Delete it too?";
const COPY = "demo-notes-copy";
const BACK = "demo-notes-back";
const EMPTY = "demo-empty";
const LOCKED = "demo-diary";
const PATCHES = [
  "demo-counter", "demo-diary", "demo-import", "demo-laptop", "demo-library", "demo-movies", "demo-notes", "demo-phone", "demo-sandboxes", "demo-site",
  "demo-space", "demo-world",
];

const told = (page, text) => eventually(() => textOf(page, "#patches-told"), text, "what is told of the patches");
const patchIds = async (page) => (await rowsOf(page, "#patches-rows")).map(([id]) => id);

export async function fillPatches(page) {
  await page.locator("#new-id").fill(EMPTY);
  await press(page, "Create");
  await eventually(() => patchIds(page), [...PATCHES, EMPTY].sort(), "with one that is empty");
  await press(page, `Delete the patch ${EMPTY}`);
  await told(page, `${EMPTY} was deleted.`);
  await eventually(() => patchIds(page), PATCHES, "an empty patch is deleted without a question");
  for (const [id, size] of await rowsOf(page, "#patches-rows")) match(size, id === LOCKED ? /^locked$/ : /^[1-9].*B$/, `size of ${id}`);

  await saveAs(page, "demo-notes", COPY);
  await told(page, `demo-notes was saved as ${COPY}.`);
  await eventually(() => patchIds(page), [...PATCHES, COPY].sort(), "with the copy");
  await saveAs(page, "demo-notes", COPY);
  await eventually(async () => (await textOf(page, "#patches-told")).split(":")[0], "Exists", "saved twice");
  const size = await takeOutAndIn(page, "demo-notes", BACK);
  return `patches: ${PATCHES.length} listed, one saved as ${COPY}, one exported (${size} bytes) and imported, an empty one deleted`;
}

/** Exports a patch to a file, imports that under another name, and deletes it. */
async function takeOutAndIn(page, from, to) {
  await page.locator("#export-from").selectOption(from);
  const downloading = page.waitForEvent("download");
  await press(page, "Export to a file");
  const file = await (await downloading).path();
  await eventually(async () => /^demo-notes was exported: [1-9]/.test(await textOf(page, "#patches-told")), true, "it was exported");
  const archive = await readFile(file);
  const choose = (buffer) => page.locator("#import-file").setInputFiles({ name: "notes.patch", mimeType: "application/octet-stream", buffer });
  const refused = async (buffer, id, code) => {
    await choose(buffer);
    await page.locator("#import-to").fill(id);
    await press(page, "Import from a file");
    await eventually(async () => (await textOf(page, "#patches-told")).split(":")[0], code, `imported as ${id}`);
  };
  await refused(archive.subarray(0, -1), to, "Corrupt");
  await refused(archive, from, "Exists");
  await refused(Buffer.from("a text"), to, "UnsupportedFormat");
  await refused(archive, to, `${to} was imported`);
  await eventually(() => patchIds(page), [...PATCHES, COPY, to].sort(), "with the imported one");
  const [original, imported] = await notesOf(page, [from, to]);
  ok(original.length > 0);
  deepStrictEqual(imported, original, "what was imported is what was exported");
  await askedToDelete(page, to, "Delete it");
  await eventually(() => patchIds(page), [...PATCHES, COPY].sort(), "without it");
  return archive.length;
}

const notesOf = (page, ids) =>
  page.evaluate(async (ids) => {
    const { openPatch } = await import("patchstore");
    const patches = await Promise.all(ids.map((id) => openPatch(id)));
    const found = await Promise.all(patches.map((patch) => patch.node("db-1").db.find("notes")));
    await Promise.all(patches.map((patch) => patch.close()));
    return found;
  }, ids);

async function saveAs(page, from, to) {
  await page.locator("#copy-from").selectOption(from);
  await page.locator("#copy-to").fill(to);
  await press(page, "Save as");
}

export async function checkPatches(page) {
  deepStrictEqual(await patchIds(page), [...PATCHES, COPY].sort(), "patches after the restart");
  const [original, copied] = await notesOf(page, ["demo-notes", COPY]);
  ok(original.length > 0);
  deepStrictEqual(copied, original, "the copy holds what the original does");
  return `patches: ${COPY} holds what demo-notes does`;
}

export async function deletePatches(page) {
  await askedToDelete(page, COPY, "Keep it");
  await told(page, `${COPY} was kept.`);
  ok((await patchIds(page)).includes(COPY));
  await askedToDelete(page, COPY, "Delete it");
  await told(page, `${COPY} was deleted.`);
  await eventually(() => patchIds(page), PATCHES, "without the copy");

  // One that is in use.
  await askedToDelete(page, "demo-sandboxes", "Delete it");
  await eventually(() => textOf(page, "#sandboxes .gone"), "This patch was deleted. Start again", "its part says so");
  await eventually(() => patchIds(page), PATCHES.filter((id) => id !== "demo-sandboxes"), "without the sandboxes");
  const left = await page.evaluate(async (ids) => {
    const { hasPatchData } = await import("patchstore");
    return Promise.all(ids.map((id) => hasPatchData(id)));
  }, [COPY, "demo-sandboxes", "demo-notes"]);
  deepStrictEqual(left, [false, false, true], "which patches have data");

  await press(page, "Start again");
  await eventually(() => seen(page, "runner-a").catch(() => null), { origin: "null", count: "–", history: "0", hits: "–", last: "–" }, "begun anew");
  return "patches: one was kept, one deleted, and one that was in use; the question was asked";
}

export async function askedToDelete(page, id, answer) {
  await press(page, `Delete the patch ${id}`);
  const dialog = page.getByRole("alertdialog", { name: id });
  await dialog.waitFor();
  strictEqual(await textOf(page, "#ask-question"), QUESTION);
  strictEqual(await page.evaluate(() => document.activeElement.value), "keep", "the harmless answer has the focus");
  await dialog.getByRole("button", { name: answer }).press("Enter");
  await dialog.waitFor({ state: "hidden" });
}
