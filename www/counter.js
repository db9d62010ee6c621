/** A number that goes up at every load. */
import { openPatch } from "patchstore";
import { element, ms, timed } from "./page.js";

export async function startCounter() {
  const [patch, opening] = await timed(() => openPatch("demo-counter"));
  const kv = patch.kv("counter");
  const show = (value) => (element("visits").value = String(value ?? 0));
  // Another tab that loads this page counts as well.
  kv.watch("visits", show);
  const [visits, counting] = await timed(() => kv.update("visits", (n = 0) => n + 1));
  show(visits);
  element("counter-timing").textContent = `opened in ${ms(opening)}, counted in ${ms(counting)}`;
  return patch;
}
