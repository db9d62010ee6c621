/** The counter: messages through a kv object, once at every load, and those that are typed. */
import { openPart } from "./open.js";
import { element, guarded, ms, timed } from "./page.js";
import { asText, wire } from "./patcher.js";

const CORDS = [
  ["bang", "get"],
  ["get", "kv"],
  ["kv", "route"],
  ["route", "js"],
  ["js", "plus"],
  ["plus", "set"],
  ["plus", "number"],
  ["set", "kv2"],
  ["typed", "kv3"],
  ["kv3", "print"],
];

export async function startCounter() {
  const [patch, opening] = await timed(() => openPart("counter", "demo-counter"));
  const kv = patch.kvObject({ node: "kv-1", name: "counter" });
  const kv2 = patch.kvObject({ node: "kv-2", name: "counter" });
  const kv3 = patch.kvObject({ node: "kv-3", name: "counter" });

  const show = (value) => void (element("visits").value = value === undefined ? "–" : asText(value));
  const print = (output) => {
    element("printed").value = asText(output);
    element("printed").classList.toggle("bad", output.op === "error");
    // The message may have been setStore.
    element("kv3-name").textContent = `kv ${kv3.scope.name ?? ""}`;
  };
  const boxes = {
    get: () => ({ get: "count" }),
    kv: (x) => kv.send(x),
    route: (x) => (x.op === "get" ? x : undefined),
    js: (x) => (x.found ? x.value : 0),
    plus: (x) => x + 1,
    number: show,
    set: (x) => ({ set: ["count", x] }),
    kv2: (x) => kv2.send(x),
    kv3: (x) => kv3.send(x),
    print,
  };
  const out = wire(element("counter-patch"), boxes, CORDS);

  // Another tab that loads this page counts as well.
  patch.kv("counter").watch("count", show);
  element("message-form").addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    await out("typed", element("message").value);
  }));
  const [, counting] = await timed(() => out("bang", "bang"));
  element("counter-timing").textContent = `opened in ${ms(opening)}, counted in ${ms(counting)}`;
}
