/** A library of references on the page: what the store numbers, keeps together, and takes away. */
import { openPart } from "../open.js";
import { count, element, guarded, make, ms, renewing, timed } from "../page.js";
import { Library, OPTIONS } from "./storage.js";

export async function startLibrary() {
  const patch = await openPart("library", "demo-library", OPTIONS);
  const library = new Library(patch);
  const told = element("library-told");
  const titles = element("library-name");

  const show = renewing(async () => {
    const references = await library.db.find("references", {}, {
      sort: { title: 1 },
      include: {
        anchors: { collection: "anchors", foreign: "reference_id", sort: { local_no: 1 }, fields: ["local_no"] },
        notes: { collection: "notes", foreign: "reference_id", sort: { local_no: 1 }, fields: ["local_no", "anchor_id"] },
      },
    });
    element("library-list").replaceChildren(...references.map(line));
  });

  function line({ _id, title, anchors, notes }) {
    const made = make("li");
    const numbers = (all) => all.map(({ local_no }) => local_no).join(", ") || "none";
    const anchored = notes.filter(({ anchor_id }) => anchor_id !== null).length;
    made.append(make("span", `${title}: anchors ${numbers(anchors)}; notes ${numbers(notes)}, ${count(anchored)} of them anchored`));
    const buttons = make("div", "", "row");
    const last = anchors.at(-1);
    for (const [text, work] of [
      ["Anchor", () => library.createAnchor({ reference_id: _id, kind: "pdf", page_index: 0, text: title, rects: [{ x: 0, y: 0, width: 9, height: 1 }] })],
      ["Note", () => library.createNote({ reference_id: _id, anchor_id: last?._id ?? null, content: `On ${title}` })],
      ["Take the last anchor away", () => last && library.deleteAnchor(last._id)],
      ["Delete it", () => library.deleteReference(_id)],
    ]) {
      const button = make("button", text, text === "Delete it" ? "danger" : "plain");
      button.setAttribute("aria-label", `${text}: ${title}`);
      button.addEventListener("click", guarded(async () => {
        const [, took] = await timed(work);
        told.textContent = `${text}: ${ms(took)}, in one commit`;
        await show();
      }));
      buttons.append(button);
    }
    made.append(buttons);
    return made;
  }

  element("library-form").addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    await library.createReference({ type: "book", title: titles.value });
    titles.value = "";
    await show();
  }));
  patch.on("change", guarded(show));
  await show();
}
