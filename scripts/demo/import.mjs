/** Drives the import of a database in the plain layout. */
import { eventually, press, textOf } from "./page.mjs";

const IMPORTED = [
  "settings · font:size = 14",
  'settings · seen = "1970-01-01T00:00:00.000Z"',
  "settings · theme = dark",
  'node-7 · position = {"x":3,"y":4}',
];

export async function fillImport(page) {
  await press(page, "Make a sample");
  await page.locator("#import-run:enabled").waitFor();
  for (const outcome of ["4 imported, 0 kept", "0 imported, 4 kept"]) {
    await press(page, "Import it");
    await eventually(() => textOf(page, "#import-told"), outcome, "what the import came to");
  }
  await checkImport(page);
  return "import: 4 records, and none when it is done again";
}

export async function checkImport(page) {
  await eventually(() => page.locator("#import-list li").allInnerTexts(), IMPORTED, "what was imported");
  return "import: 4 records found again";
}
