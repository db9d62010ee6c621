/** Notes: written, listed, deleted. */
import { openPatch } from "patchstore";
import { count, element, guarded, make, ms, report, timed } from "./page.js";

export async function startNotes(changed) {
  const patch = await openPatch("demo-notes");
  const notes = patch.db("notes").collection("notes");
  const list = element("note-list");

  async function show() {
    const [found, listing] = await timed(() => notes.find());
    list.replaceChildren(...found.reverse().map(item));
    element("notes-timing").textContent = `${count(found.length)} notes, listed in ${ms(listing)}`;
  }

  function item(note) {
    const button = make("button", "Delete", "plain");
    button.setAttribute("aria-label", `Delete the note ${note.text}`);
    button.addEventListener("click", guarded(async () => {
      await notes.delete(note._id);
      element("note-text").focus();
      await changed();
    }));
    const line = make("li");
    line.dataset.id = note._id;
    line.append(make("span", note.text), button);
    return line;
  }

  element("note-form").addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    const input = element("note-text");
    const text = input.value.trim();
    if (text === "") return;
    await notes.insert({ text });
    input.value = "";
    await changed();
  }));
  // After each commit, of this tab and of any other.
  patch.on("change", () => show().catch(report));
  await show();
  return patch;
}
