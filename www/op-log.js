/** What waits in the op-log of the notes, for an application that sends it elsewhere. */
import { openPart } from "./open.js";
import { count, element, guarded, make, renewing } from "./page.js";

const ENTRIES_SHOWN = 5;
/** Up to which entry all are synced. */
const SYNCED_TO = "syncedTo";

export async function startOpLog() {
  const patch = await openPart("oplog", "demo-notes", { opLog: true });
  const { opLog, meta } = patch;

  const show = renewing(async () => {
    element("oplog-count").value = count(await opLog.count());
    const entries = await opLog.pending();
    element("oplog-list").replaceChildren(...entries.slice(-ENTRIES_SHOWN).reverse().map(line));
  });

  element("oplog-mark").addEventListener("click", guarded(async () => {
    const ids = (await opLog.pending()).map(({ id }) => id);
    // Here an application sends them, and goes on once they have arrived.
    const marked = await opLog.markSynced(ids);
    if (marked > 0) await meta.set(SYNCED_TO, ids.at(-1));
    element("oplog-told").textContent = `${count(marked)} marked as synced`;
  }));
  element("oplog-prune").addEventListener("click", guarded(async () => {
    const pruned = await opLog.prune((await meta.get(SYNCED_TO)) ?? 0);
    element("oplog-told").textContent = `${count(pruned)} pruned`;
  }));

  opLog.watch(show);
  // Another tab may have marked some.
  patch.on("change", show);
  await show();
}

function line({ op, target, key, value, hlc }) {
  const made = make("li");
  made.append(make("code", op), ` ${target.collection} `, make("span", value?.text ?? key), " ", make("time", timeOf(hlc)));
  return made;
}

/** A stamp begins with the milliseconds of its write, in 12 hex digits. */
const timeOf = (hlc) => new Date(parseInt(hlc.slice(0, 12), 16)).toLocaleTimeString();
