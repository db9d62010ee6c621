/** Drives what is done to whole patches: list, make, delete. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, press, rowsOf, textOf } from "./page.mjs";
import { seen } from "./sandboxes.mjs";

const QUESTION = "This patch has stored data. Delete it too?";
const FULL = "demo-full";
const EMPTY = "demo-empty";
const PATCHES = ["demo-counter", "demo-import", "demo-movies", "demo-notes", "demo-sandboxes"];

const told = (page, text) => eventually(() => textOf(page, "#patches-told"), text, "what is told of the patches");
const patchIds = async (page) => (await rowsOf(page, "#patches-rows")).map(([id]) => id);

export async function fillPatches(page) {
  await page.locator("#new-id").fill(EMPTY);
  await press(page, "Make it");
  await eventually(() => patchIds(page), [...PATCHES, EMPTY].sort(), "with one that is empty");
  await press(page, `Delete the patch ${EMPTY}`);
  await told(page, `${EMPTY} was deleted.`);
  await eventually(() => patchIds(page), PATCHES, "an empty patch is deleted without a question");
  for (const [id, size] of await rowsOf(page, "#patches-rows")) match(size, /^[1-9].*B$/, `size of ${id}`);

  await page.locator("#new-id").fill(FULL);
  await press(page, "Make it");
  await eventually(() => patchIds(page), [...PATCHES, FULL].sort(), "with one that is to hold something");
  await page.evaluate(async (id) => {
    const { openPatch } = await import("patchstore");
    const patch = await openPatch(id);
    await patch.kv("store").set("key", 1);
    await patch.close();
  }, FULL);
  return `patches: ${PATCHES.length} listed, one made, an empty one deleted`;
}

export async function checkPatches(page) {
  deepStrictEqual(await patchIds(page), [...PATCHES, FULL].sort(), "patches after the restart");
  return `patches: ${PATCHES.length + 1} found again`;
}

export async function deletePatches(page) {
  await askedToDelete(page, FULL, "Keep it");
  await told(page, `${FULL} was kept.`);
  ok((await patchIds(page)).includes(FULL));
  await askedToDelete(page, FULL, "Delete it");
  await told(page, `${FULL} was deleted.`);
  await eventually(() => patchIds(page), PATCHES, "without it");

  // One that is in use.
  await askedToDelete(page, "demo-sandboxes", "Delete it");
  await eventually(() => textOf(page, "#sandboxes .gone"), "This patch was deleted. Start anew", "its part says so");
  await eventually(() => patchIds(page), PATCHES.slice(0, -1), "without the sandboxes");
  const left = await page.evaluate(async (ids) => {
    const { hasPatchData } = await import("patchstore");
    return Promise.all(ids.map((id) => hasPatchData(id)));
  }, [FULL, "demo-sandboxes", "demo-notes"]);
  deepStrictEqual(left, [false, false, true], "which patches have data");

  await press(page, "Start anew");
  await eventually(() => seen(page, "runner-a").catch(() => null), { origin: "null", count: "–", history: "0", hits: "–", last: "–" }, "begun anew");
  return "patches: one was kept, one deleted, and one that was in use; the question was asked";
}

async function askedToDelete(page, id, answer) {
  await press(page, `Delete the patch ${id}`);
  const dialog = page.getByRole("alertdialog", { name: id });
  await dialog.waitFor();
  strictEqual(await textOf(page, "#ask-question"), QUESTION);
  strictEqual(await page.evaluate(() => document.activeElement.value), "keep", "the harmless answer has the focus");
  await dialog.getByRole("button", { name: answer }).press("Enter");
  await dialog.waitFor({ state: "hidden" });
}
