/** The patches that this page has open, and what happens to them. */
import { openPatch } from "patchstore";
import { element, make } from "./page.js";

/** By id; one that is closed or deleted is not in here any more. */
export const patches = new Map();

const listeners = new Set();

/** Calls `listener(id, event, detail)` for the events of every patch. */
export const onEvent = (listener) => listeners.add(listener);
const tell = (...what) => listeners.forEach((listener) => listener(...what));

/** Opens a patch that a section of the page is about; several sections may be about one. */
export async function openPart(section, id, options) {
  const patch = patches.get(id) ?? (await openFirst(id, options));
  patch.on("closed", ({ reason }) => showGone(element(section), reason));
  return patch;
}

/** Opens a patch that only one section is about, and that it closes itself. */
export async function openFirst(id, options) {
  const patch = await openPatch(id, options);
  patches.set(id, patch);
  patch.on("change", (detail) => tell(id, "change", detail));
  patch.on("quota", (detail) => tell(id, "quota", detail));
  patch.on("closed", (detail) => {
    patches.delete(id);
    tell(id, "closed", detail);
  });
  return patch;
}

/** Nothing in the section works without its patches. */
function showGone(section, reason) {
  if (section.querySelector(".gone") !== null) return;
  for (const part of section.children) if (part.tagName !== "H2") part.inert = true;
  const again = make("button", "Start again");
  again.addEventListener("click", () => location.reload());
  const told = make("p", reason === "deleted" ? "This patch was deleted." : `This patch was closed: ${reason}.`, "gone");
  told.setAttribute("role", "status");
  told.append(" ", again);
  section.querySelector("h2").after(told);
}
