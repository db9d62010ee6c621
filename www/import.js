/** Data of before: a database in the plain layout, made by hand and imported. */
import { openPart } from "./open.js";
import { count, element, guarded, make } from "./page.js";
import { asText } from "./patcher.js";

const SAMPLE = "plain-sample";
const NODE = "node-7";
const RECORDS = [
  ["settings", "theme", "dark"],
  ["settings", "font:size", 14],
  ["settings", "seen", new Date(0)],
  [NODE, "position", { x: 3, y: 4 }],
];
/** Names of nodes and of stores are all the same in that layout; who wrote it knows which is which. */
const scope = (store) => (store === NODE ? { node: store } : { name: store });

export async function startImport() {
  const patch = await openPart("import", "demo-import");

  async function show() {
    const stores = [
      ["settings", patch.kv("settings")],
      [NODE, patch.node(NODE).kv],
    ];
    const found = await Promise.all(
      stores.map(async ([name, kv]) => (await kv.entries()).map((entry) => [name, ...entry])),
    );
    const lines = found.flat().map(([name, key, value]) => make("li", `${name} · ${key} = ${asText(value)}`));
    element("import-list").replaceChildren(...lines);
  }

  element("import-make").addEventListener("click", guarded(async () => {
    await makeSample();
    element("import-run").disabled = false;
    element("import-told").textContent = `${SAMPLE} holds ${RECORDS.length} records.`;
  }));
  element("import-run").addEventListener("click", guarded(async () => {
    const { imported, kept } = await patch.importPlain(SAMPLE, { scope });
    element("import-told").textContent = `${count(imported)} imported, ${count(kept)} kept`;
    await show();
  }));

  patch.on("change", guarded(show));
  await show();
  const databases = await indexedDB.databases();
  element("import-run").disabled = !databases.some(({ name }) => name === SAMPLE);
}

/** As an application without this library would have written it. */
async function makeSample() {
  await settled(indexedDB.deleteDatabase(SAMPLE));
  const opening = indexedDB.open(SAMPLE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("kv");
  const database = await settled(opening);
  const transaction = database.transaction("kv", "readwrite");
  const store = transaction.objectStore("kv");
  for (const [name, key, value] of RECORDS) store.put(value, `${name.length}:${name}:${key}`);
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  database.close();
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error(`${SAMPLE} is in use`));
  });
