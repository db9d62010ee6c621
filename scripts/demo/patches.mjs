/** Drives what is done to whole patches: list, make, save as, delete. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, press, rowsOf, textOf } from "./page.mjs";
import { seen } from "./sandboxes.mjs";

const QUESTION = "This patch has stored data. Delete it too?";
const COPY = "demo-notes-copy";
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
  return `patches: ${PATCHES.length} listed, one saved as ${COPY}, an empty one deleted`;
}

async function saveAs(page, from, to) {
  await page.locator("#copy-from").selectOption(from);
  await page.locator("#copy-to").fill(to);
  await press(page, "Save as");
}

export async function checkPatches(page) {
  deepStrictEqual(await patchIds(page), [...PATCHES, COPY].sort(), "patches after the restart");
  const [original, copied] = await page.evaluate(async (ids) => {
    const { openPatch } = await import("patchstore");
    const patches = await Promise.all(ids.map((id) => openPatch(id)));
    const found = await Promise.all(patches.map((patch) => patch.node("db-1").db.find("notes")));
    await Promise.all(patches.map((patch) => patch.close()));
    return found;
  }, ["demo-notes", COPY]);
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
