/** The patches of this origin: listed with their sizes, made, saved under another name, taken out and in, deleted. */
import { copyPatch, deletePatchData, hasPatchData, isPatchStoreError, listPatches, openPatch } from "patchstore";
import { startArchives } from "./archives.js";
import { bytes, element, guarded, make, showRows } from "./page.js";

export function startPatches(changed) {
  /** What the user can put right stands where they look. */
  const attempt = (work) => guarded(async (event) => {
    event?.preventDefault();
    const told = element("patches-told");
    try {
      told.textContent = (await work()) ?? "";
      told.classList.remove("bad");
    } catch (error) {
      if (!isPatchStoreError(error)) throw error;
      told.textContent = `${error.code}: ${error.message}`;
      told.classList.add("bad");
    }
    changed();
  });

  element("new-form").addEventListener("submit", attempt(async () => {
    const id = element("new-id").value;
    await (await openPatch(id)).close();
    return `${id} was created; it is empty.`;
  }));

  element("copy-form").addEventListener("submit", attempt(async () => {
    const [from, to] = [element("copy-from").value, element("copy-to").value];
    await copyPatch(from, to);
    return `${from} was saved as ${to}.`;
  }));

  startArchives(attempt);

  const deleting = (id) => attempt(async () => {
    if ((await hasPatchData(id)) && !(await confirmed(id))) return `${id} was kept.`;
    const wasThere = await deletePatchData(id);
    return wasThere ? `${id} was deleted.` : `${id} was already gone.`;
  });

  function row({ id, bytes: size, encrypted }) {
    const button = make("button", "Delete", "plain");
    button.setAttribute("aria-label", `Delete the patch ${id}`);
    button.addEventListener("click", deleting(id));
    const line = make("tr");
    const last = make("td", "", "number");
    last.append(button);
    line.append(make("td", id), make("td", size === null ? (encrypted ? "locked" : "?") : bytes(size), "number"), last);
    return line;
  }

  return async function show() {
    const infos = await listPatches();
    showRows(element("patches-rows"), infos.map(row));
    for (const select of [element("copy-from"), element("export-from")]) {
      const chosen = select.value;
      select.replaceChildren(...infos.map(({ id }) => make("option", id)));
      if (infos.some(({ id }) => id === chosen)) select.value = chosen;
    }
  };
}

/** Whether the user says yes to deleting the data, too. */
async function confirmed(id) {
  const dialog = element("ask");
  element("ask-patch").textContent = id;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  return dialog.returnValue === "delete";
}
