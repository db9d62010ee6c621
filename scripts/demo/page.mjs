/** What the drives of all parts need of a page. */
import { deepStrictEqual } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

export const TIMEOUT_MS = 60_000;

export const textOf = async (page, selector) => (await page.locator(selector).innerText()).trim();

/** Presses a button, by the keyboard. */
export const press = (page, name) => page.getByRole("button", { name, exact: true }).press("Enter");

/** Clicks a button, by the mouse. */
export const click = (page, name) => page.getByRole("button", { name, exact: true }).click();

/** A number as the page shows it. */
export const grouped = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");

/** The lines of a list. */
export const linesOf = (page, list) => page.locator(`${list} li`).allInnerTexts();

/** The fields of all films that a patch holds, in the order of insertion; read past the page's own code. */
export const filmsOf = (page, id) =>
  page.evaluate(async (id) => {
    const { openPatch } = await import("patchstore");
    const patch = await openPatch(id);
    const films = await patch.db("films").find("films");
    await patch.close();
    return films;
  }, id);

/** The fields that a film has in its source. */
export const fieldsOf = ({ _id, _created, _updated, ...fields }) => fields;

/** Waits until `read()` comes to what is expected; what it came to last is in the failure. */
export async function eventually(read, expected, what) {
  const deadline = Date.now() + TIMEOUT_MS / 2;
  for (;;) {
    const found = await read();
    if (isDeepStrictEqual(found, expected) || Date.now() > deadline) {
      deepStrictEqual(found, expected, what);
      return;
    }
    await sleep(50);
  }
}

/** The last message that went through each of some boxes. */
export const lastOf = (page, patch, boxes) =>
  Promise.all(boxes.map((box) => textOf(page, `${patch} [data-box=${box}] > .last`)));

/** The cells of a table's rows, without the buttons. */
export const rowsOf = (page, body) =>
  page.locator(`${body} tr`).evaluateAll((rows) =>
    rows.map((row) => [...row.cells].filter((cell) => !cell.querySelector("button")).map((cell) => cell.textContent)),
  );
