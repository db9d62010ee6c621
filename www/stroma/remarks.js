/** The anchors and notes of a document as a list, with what can be done to them. */
import { guarded, make } from "../page.js";

/**
 * @param library the storage
 * @param {{goTo: (anchor) => Promise<void>, changed: () => Promise<void>}} to `goTo` shows an anchor's page; `changed` is called after a change
 * @returns `element`; `of(reference_id)` begins with another document, `choose(anchor)` says what notes are written on, `show(anchors, notes)` fills it
 */
export function remarks(library, { goTo, changed }) {
  let reference_id, chosen, edited;
  const element = make("aside", "", "remarks");
  element.setAttribute("aria-label", "Anchors and notes");
  const list = make("ol", "", "plain-list");
  const form = make("form", "", "row");
  const label = make("label", "Note on the document");
  const text = make("input");
  Object.assign(text, { required: true, maxLength: 500, autocomplete: "off", id: "remark-text" });
  label.htmlFor = text.id;
  const save = make("button", "Write");
  form.append(label, text, save);
  element.append(list, form);

  /** What is written goes into a note that is there, or a new one, on the chosen anchor or on none. */
  form.addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    const [content, anchor, note, id] = [text.value, chosen, edited, reference_id];
    // At once: while it is stored, something else may be begun.
    write(anchor);
    try {
      if (note) await library.updateNote(note._id, { content });
      else await library.createNote({ reference_id: id, anchor_id: anchor?._id ?? null, content });
    } catch (error) {
      if (text.value === "" && reference_id === id) {
        write(anchor, note);
        text.value = content;
      }
      throw error;
    }
    await changed();
  }));

  function write(anchor, note) {
    [chosen, edited] = [anchor, note];
    label.textContent = note ? `Note ${note.local_no}` : anchor ? `Note on anchor ${anchor.local_no}` : "Note on the document";
    save.textContent = note ? "Save" : "Write";
    text.value = note?.content ?? "";
  }

  function line(said, actions) {
    const made = make("li");
    const buttons = make("div", "", "row");
    for (const [name, label, work] of actions) {
      const button = make("button", name, name === "Delete" ? "danger" : "plain");
      button.type = "button";
      button.setAttribute("aria-label", label);
      button.addEventListener("click", guarded(async () => {
        await work();
        await changed();
      }));
      buttons.append(button);
    }
    made.append(make("span", said), buttons);
    return made;
  }

  const ofNote = (note, anchor) =>
    line(`Note ${note.local_no}: ${note.content}`, [
      ["Edit", `Edit note ${note.local_no}`, async () => void (write(anchor, note), text.focus())],
      ["Delete", `Delete note ${note.local_no}`, () => library.deleteNote(note._id)],
    ]);

  function ofAnchor(anchor, notes) {
    const { local_no } = anchor;
    const page = anchor.pdf === null ? "" : `, page ${anchor.pdf.page_index + 1}`;
    const quote = anchor.quote === null ? "" : `: “${anchor.quote.text}”`;
    const made = line(`Anchor ${local_no}${page}${quote}`, [
      ["Show", `Show anchor ${local_no}`, async () => (write(anchor), goTo(anchor))],
      ["Delete", `Delete anchor ${local_no}`, () => library.deleteAnchor(anchor._id)],
    ]);
    return [made, ...notes.filter(({ anchor_id }) => anchor_id === anchor._id).map((note) => ofNote(note, anchor))];
  }

  return {
    element,
    of(id) {
      reference_id = id;
      list.replaceChildren();
      write(undefined);
    },
    choose: (anchor) => write(anchor),
    show(anchors, notes) {
      if (chosen && !anchors.some(({ _id }) => _id === chosen._id)) write(undefined);
      if (edited && !notes.some(({ _id }) => _id === edited._id)) write(chosen);
      const loose = notes.filter(({ anchor_id }) => anchor_id === null).map((note) => ofNote(note));
      list.replaceChildren(...anchors.flatMap((anchor) => ofAnchor(anchor, notes)), ...loose);
    },
  };
}
