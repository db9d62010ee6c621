/** Drives the op-log of the notes: what waits is counted live, marked and pruned, and waits over a restart. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { click, eventually, linesOf, press, textOf } from "./page.mjs";

const waiting = (page, count, what) => eventually(() => textOf(page, "#oplog-count"), String(count), what);
const told = (page, text) => eventually(() => textOf(page, "#oplog-told"), text, "what is told of the op-log");

/** What waits, read past the page's own code, as operation and text. */
const pendingOf = (page) =>
  page.evaluate(async () => {
    const { openPatch } = await import("patchstore");
    const patch = await openPatch("demo-notes");
    const entries = await patch.opLog.pending();
    const count = await patch.opLog.count();
    await patch.close();
    return { count, entries: entries.map(({ op, value }) => [op, value?.text]) };
  });

/** After four notes were written, and one deleted. */
export async function fillOpLog(page) {
  await waiting(page, 5, "each change of a note waits");
  const { count, entries } = await pendingOf(page);
  deepStrictEqual([count, entries.map(([op]) => op)], [5, ["PUT", "PUT", "PUT", "PUT", "REMOVE"]], "what waits");
  const lines = await linesOf(page, "#oplog-list");
  strictEqual(lines.length, 5);
  match(lines[0], /^REMOVE notes [\w-]{21} \d+:\d+/);
  match(lines[1], /^PUT notes Call Ada \d+:\d+/);

  await click(page, "Mark as synced");
  await told(page, "5 marked as synced");
  await waiting(page, 0, "what is marked waits no longer");
  deepStrictEqual([await pendingOf(page), await linesOf(page, "#oplog-list")], [{ count: 0, entries: [] }, []], "nothing waits");
  for (const pruned of [5, 0]) {
    await press(page, "Prune what is synced");
    await told(page, `${pruned} pruned`);
  }
  return "op-log: 5 entries waited, were marked as synced and pruned";
}

/** After another tab has written a note. */
export async function hearElsewhere(page) {
  await waiting(page, 1, "another tab's note is heard of");
  match((await linesOf(page, "#oplog-list")).join(), /^PUT notes From another tab \d+:\d+/);
  await press(page, "Prune what is synced");
  await told(page, "0 pruned");
  return "op-log: another tab's entry waits, and is not pruned";
}

export async function checkOpLog(page) {
  await waiting(page, 1, "what waited before the restart");
  deepStrictEqual(await pendingOf(page), { count: 1, entries: [["PUT", "From another tab"]] }, "what waits");
  return "op-log: 1 entry waits still";
}
