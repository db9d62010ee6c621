/** A document on the page: one of its pages, what is anchored on it, and notes. */
import { guarded, make } from "../page.js";
import { fit, openPdf } from "./pdf.js";
import { remarks } from "./remarks.js";
import { guardSelections } from "./selecting.js";
import { selected } from "./selection.js";

/** A button in `row` that does `work`, and says what went wrong. */
function button(row, text, work, className = "plain") {
  const made = make("button", text, className);
  made.type = "button";
  made.addEventListener("click", guarded(work));
  row.append(made);
  return made;
}

/**
 * Shows documents of a library in `host`.
 * @returns `open(reference_id)`, which resolves once its first page is drawn, `turn(index)` to another page, and `close()`
 */
export function mountViewer(host, library) {
  let at, drawing = 0;
  const selections = guardSelections();
  const bar = make("div", "", "row");
  const sheet = make("div", "", "sheet");
  const marks = make("div", "", "marks");
  const list = remarks(library, { goTo: (anchor) => turn(anchor.pdf?.page_index ?? 0), changed: () => showRemarks() });
  const halves = make("div", "", "viewer-halves");
  const title = make("h3");
  halves.append(sheet, list.element);
  host.classList.add("viewer");
  host.hidden = true;
  host.replaceChildren(title, bar, halves);

  const back = button(bar, "Previous page", () => turn(at.index - 1));
  const where = make("span", "", "quiet");
  where.setAttribute("role", "status");
  bar.append(where);
  const forth = button(bar, "Next page", () => turn(at.index + 1));
  // The selection is gone when the button has the focus, in some browsers.
  const anchor = button(bar, "Anchor the selection", () => addAnchor(), "");
  anchor.addEventListener("mousedown", (event) => event.preventDefault());
  button(bar, "Close", () => close());

  async function open(reference_id) {
    await close();
    const [reference, [asset]] = await Promise.all([library.getReference(reference_id), library.getAssetsForReference(reference_id)]);
    const pdf = await openPdf(await library.getAssetPath(asset.uri));
    at = { reference, asset, pdf, index: 0 };
    title.textContent = reference.title;
    host.hidden = false;
    list.of(reference_id);
    await turn(0);
  }

  async function close() {
    if (at === undefined) return;
    const { pdf, asset } = at;
    at = undefined;
    drawing += 1;
    host.hidden = true;
    sheet.replaceChildren();
    await pdf.close();
    await library.releaseAssetPath(asset.uri);
  }

  /** What is drawn last is the page that was asked for last. */
  async function turn(index) {
    const turned = ++drawing;
    at.index = Math.min(at.pdf.pages - 1, Math.max(0, index));
    const drawn = await at.pdf.draw(at.index, sheet.clientWidth).catch((error) => {
      // (One that was closed meanwhile cannot be drawn.)
      if (turned === drawing) throw error;
    });
    if (turned !== drawing) return;
    at.drawn = drawn;
    fit(sheet, drawn);
    sheet.replaceChildren(drawn.canvas, drawn.text, marks);
    selections.watch(drawn.text);
    where.textContent = `Page ${at.index + 1} of ${at.pdf.pages}`;
    [back.disabled, forth.disabled] = [at.index === 0, at.index === at.pdf.pages - 1];
    await showRemarks();
  }

  async function addAnchor() {
    const found = selected(sheet.querySelector(".textLayer"));
    if (found === undefined) return void (where.textContent = "Select some text of the page first");
    const page_index = at.index;
    const rects = found.rects.map((rect) => ({ page_index, ...rect }));
    const made = await library.createAnchor({ reference_id: at.reference._id, kind: "pdf_text", page_index, text: found.text, rects });
    getSelection().removeAllRanges();
    list.choose(made);
    await showRemarks();
  }

  async function showRemarks() {
    if (at === undefined) return;
    const { reference, index } = at;
    if ((await library.getReference(reference._id)) === null) return close();
    const [anchors, notes] = await Promise.all([library.getAnchorsForReference(reference._id), library.getNotesForReference(reference._id)]);
    if (at?.reference !== reference) return;
    list.show(anchors, notes);
    marks.replaceChildren(...anchors.flatMap((anchor) => marked(anchor, notes.filter(({ anchor_id }) => anchor_id === anchor._id), index)));
  }

  new ResizeObserver(() => at?.drawn && fit(sheet, at.drawn)).observe(sheet);
  library.patch.on("change", () => guarded(showRemarks)());
  return { open, turn, close };
}

/** An anchor on its page: its rectangles, its number, and what is noted at it. */
function marked({ local_no, rects }, notes, index) {
  const here = rects.filter(({ page_index }) => page_index === index);
  if (here.length === 0) return [];
  const boxes = here.map((rect) => placed(make("div", "", "mark"), rect));
  boxes.forEach((box) => (box.dataset.anchor = local_no));
  boxes[0].append(make("span", String(local_no), "mark-number"));
  if (notes.length === 0) return boxes;
  const last = here.at(-1);
  const sticky = make("div", notes.map(({ content }) => content).join("\n"), "sticky");
  sticky.dataset.anchor = local_no;
  Object.assign(sticky.style, { left: percent(last.x), top: percent(last.y + last.height) });
  return [...boxes, sticky];
}

const percent = (part) => `${100 * part}%`;

function placed(box, { x, y, width, height }) {
  Object.assign(box.style, { left: percent(x), top: percent(y), width: percent(width), height: percent(height) });
  return box;
}
