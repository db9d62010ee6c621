/** A library of references on the page: what the store numbers, keeps together, and takes away. */
import { openPart } from "../open.js";
import { bytes, count, element, guarded, make, ms, renewing, timed } from "../page.js";
import { Library, OPTIONS } from "./storage.js";
import { mountViewer } from "./viewer.js";

/** A paper of several pages. */
const SAMPLE = "/pdfs/01-valid.pdf";

export async function startLibrary() {
  const patch = await openPart("library", "demo-library", OPTIONS);
  const library = new Library(patch);
  const told = element("library-told");
  const titles = element("library-name");
  const viewer = mountViewer(element("library-viewer"), library);

  const show = renewing(async () => {
    const references = await library.db.find("references", {}, {
      sort: { title: 1 },
      include: {
        anchors: { collection: "anchors", foreign: "reference_id", sort: { local_no: 1 }, fields: ["local_no"] },
        assets: { collection: "reference_assets", foreign: "reference_id", fields: ["kind"] },
        notes: { collection: "notes", foreign: "reference_id", sort: { local_no: 1 }, fields: ["local_no", "anchor_id"] },
      },
    });
    element("library-list").replaceChildren(...references.map(line));
  });

  function line({ _id, title, assets, anchors, notes }) {
    const made = make("li");
    const numbers = (all) => all.map(({ local_no }) => local_no).join(", ") || "none";
    const anchored = notes.filter(({ anchor_id }) => anchor_id !== null).length;
    made.append(make("span", `${title}: anchors ${numbers(anchors)}; notes ${numbers(notes)}, ${count(anchored)} of them anchored`));
    const buttons = make("div", "", "row");
    const last = anchors.at(-1);
    if (assets.some(({ kind }) => kind === "pdf")) {
      const button = make("button", "Open", "plain");
      button.setAttribute("aria-label", `Open: ${title}`);
      button.addEventListener("click", guarded(() => viewer.open(_id)));
      buttons.append(button);
    }
    for (const [text, work] of [
      ["Anchor", () => library.createAnchor({ reference_id: _id, kind: "pdf", page_index: 0, text: title, rects: [{ page_index: 0, x: 0.1, y: 0.1, width: 0.5, height: 0.02 }] })],
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
    const title = titles.value;
    await library.createReference({ type: "book", title });
    // (The next one may be under way.)
    if (titles.value === title) titles.value = "";
    await show();
  }));
  const problem = element("library-problem");
  const importing = guarded(async (file) => {
    problem.hidden = true;
    try {
      const [{ title }, took] = await timed(() => library.importPdf(file));
      told.textContent = `Imported ${title}: ${bytes(file.size)}, ${ms(took)}`;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      problem.textContent = error.message;
      problem.hidden = false;
    }
    await show();
  });
  element("library-file").addEventListener("change", async ({ target }) => {
    for (const file of target.files) await importing(file);
    target.value = "";
  });
  element("library-sample").addEventListener("click", guarded(async () => {
    const answer = await fetch(SAMPLE);
    if (!answer.ok) throw new Error(`the paper could not be fetched: ${answer.status}`);
    await importing(new File([await answer.blob()], "TraceMonkey.pdf"));
  }));
  patch.on("change", guarded(show));
  await show();
}
