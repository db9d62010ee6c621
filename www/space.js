/** How full the origin's storage and a patch with a budget are, what is done for room, and persistence. */
import { isPatchStoreError, listPatches, requestPersistence, storageEstimate } from "patchstore";
import { openPart } from "./open.js";
import { bytes, count, element, guarded, make, renewing } from "./page.js";

const PATCH = "demo-space";
const BUDGET = { maxBytes: 2 << 20, threshold: 0.8 };
const PORTION = 250;
const EVENTS_SHOWN = 4;

const PERSISTED = new Map([
  [null, "not asked yet"],
  [true, "granted: the browser keeps it even when the disk is full"],
  [false, "refused: the browser may evict it when the disk is full"],
]);

export async function startSpace() {
  const patch = await openPart("space", PATCH, { opLog: true, quota: BUDGET });
  const films = patch.db("films").collection("films");

  const show = renewing(async () => {
    const [{ usage, quota }, infos] = await Promise.all([storageEstimate(), listPatches()]);
    showGauge("space-origin", usage, quota);
    showGauge("space-patch", infos.find(({ id }) => id === PATCH)?.bytes ?? 0, BUDGET.maxBytes);
    element("space-persisted").textContent = PERSISTED.get(patch.status.persisted);
  });

  /** A refusal is told where the user looks. */
  const attempt = (work) => guarded(async () => {
    const told = element("space-told");
    try {
      told.textContent = await work();
    } catch (error) {
      if (!isPatchStoreError(error) || error.code !== "StorageQuotaExceeded") throw error;
      told.textContent = `Refused, all or nothing: ${bytes(error.usage)} of ${bytes(error.quota)} are used. Delete something.`;
    }
    await show();
  });

  element("space-store").addEventListener("click", attempt(async () => {
    const source = await (await fetch("/data/movies.json")).json();
    const stored = await films.count();
    await films.insertMany(source.slice(stored, stored + PORTION));
    await synced();
    return `${count(await films.count())} films stored`;
  }));
  element("space-drop").addEventListener("click", attempt(async () => {
    const stored = await films.count();
    await films.drop();
    await synced();
    // No other device has to hear of them.
    await patch.opLog.collectTombstones(patch.opLog.now());
    return `${count(stored)} films deleted`;
  }));
  /** As if an application had sent all that waits: from now on it may be pruned. */
  const synced = () => patch.opLog.markSynced(Infinity);

  element("space-persist").addEventListener("click", guarded(async () => {
    await requestPersistence();
    await show();
  }));

  patch.on("quota", ({ action, usage, quota }) => {
    const line = make("li", "", action === "full" ? "bad" : "");
    line.append(make("code", action), ` at ${bytes(usage)} of ${bytes(quota)}`);
    const list = element("space-events");
    list.prepend(line);
    while (list.children.length > EVENTS_SHOWN) list.lastChild.remove();
  });
  patch.on("change", show);
  await show();
}

/** A browser may report neither. */
function showGauge(id, usage, quota) {
  const gauge = element(id);
  gauge.max = quota || 1;
  gauge.optimum = 0;
  gauge.high = BUDGET.threshold * gauge.max;
  gauge.value = usage;
  const percent = ((100 * usage) / gauge.max).toFixed(1);
  element(`${id}-text`).textContent = quota ? `${bytes(usage)} of ${bytes(quota)} (${percent} %)` : "not reported";
}
