/** Tabs of one context, with the package in them and patches by their ids. */
import { pageWithPackage } from "./page.mjs";

/** A tab; `without` names globals (or "navigator.locks") that are taken away first. */
export async function openTab(context, origin, { without = [] } = {}) {
  const page = await pageWithPackage(context, origin, (page) =>
    page.addInitScript((names) => {
      for (const name of names) {
        if (name === "navigator.locks") delete Navigator.prototype.locks;
        else delete globalThis[name];
      }
    }, without),
  );
  await page.evaluate(prepare);
  return page;
}

/** Runs in the page, or in a worker that has imported the package as `lib`. */
export function prepare() {
  globalThis.ended = {};
  globalThis.patches = {};
  globalThis.open = async (id, options) => {
    const patch = (patches[id] = await lib.openPatch(id, options));
    patch.on("closed", ({ reason }) => (ended[id] ??= []).push(reason));
    return patch;
  };
  /** What `call` comes to: its value, its code, or "hangs". */
  globalThis.outcome = (call, patience = 10_000) =>
    Promise.race([
      Promise.resolve(call).then((value) => value ?? "done", (error) => error.code ?? String(error)),
      new Promise((resolve) => setTimeout(resolve, patience, "hangs")),
    ]);
  /** The names of all databases. */
  globalThis.names = async () => (await indexedDB.databases()).filter((db) => db.version > 0).map((db) => db.name).sort();
}
