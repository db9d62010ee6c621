/** The notes app: messages through a db object, from a form to a list. */
import { openPart } from "./open.js";
import { count, element, guarded, make, ms, report, timed } from "./page.js";
import { wire } from "./patcher.js";

const CORDS = [
  ["bang", "find"],
  ["change", "find"],
  ["text", "js"],
  ["find", "db"],
  ["js", "db"],
  ["db", "route"],
  ["route", "docs"],
  ["docs", "list"],
  ["list", "db"],
];

export async function startNotes() {
  const patch = await openPart("notes", "demo-notes", { opLog: true });
  const db = patch.dbObject({ node: "db-1" });

  async function send(message) {
    const [output, sending] = await timed(() => db.send(message));
    if (output.op === "error") report(new Error(output.message));
    if (output.op === "find") {
      element("notes-timing").textContent = `${count(output.count)} notes, found in ${ms(sending)}`;
    }
    return output;
  }

  function item(note) {
    const button = make("button", "Delete", "plain");
    button.setAttribute("aria-label", `Delete the note ${note.text}`);
    button.addEventListener("click", guarded(async () => {
      await out("list", { delete: ["notes", note._id] });
      element("note-text").focus();
    }));
    const line = make("li");
    line.append(make("span", note.text), button);
    return line;
  }

  const boxes = {
    find: () => ({ find: "notes" }),
    js: (text) => ({ insert: ["notes", { text, ts: Date.now() }] }),
    db: send,
    route: (x) => (x.op === "find" ? x : undefined),
    docs: (x) => x.docs,
    list: (docs) => element("note-list").replaceChildren(...docs.reverse().map(item)),
  };
  const out = wire(element("notes-patch"), boxes, CORDS);

  element("note-form").addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    const input = element("note-text");
    const text = input.value.trim();
    input.value = "";
    if (text !== "") await out("text", text);
  }));
  // After each commit, of this tab and of any other.
  patch.on("change", ({ remote }) => out("change", remote ? "another tab" : "this tab").catch(report));
  await out("bang", "bang");
}
