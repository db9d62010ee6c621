/** A paper in the library: stored, drawn, quoted, found again by a page that was loaded anew, and deleted with its space. */
import assert from "node:assert/strict";
import { inEachBrowser } from "./support/pages.mjs";
import { serve } from "./support/server.mjs";

const PAPER = "/node_modules/pdf-parse/test/data/01-valid.pdf";
const LIBRARY = "library of a paper";
const OPENING = "Trace-based Just-in-Time Type Specialization for Dynamic";

/** Runs in the page: what its tests have in common. */
async function begin(name) {
  while (globalThis.kit === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  const { openLibrary, mountViewer } = globalThis.kit;
  const until = (condition, what) => globalThis.kit.until(condition, what, 60_000);
  const all = await openLibrary(name);
  const host = document.querySelector("#viewer");
  Object.assign(host.style, { width: "1000px", margin: "90px 0 0 120px" });
  const viewer = mountViewer(host, all);
  const find = (selector) => host.querySelector(selector);
  const button = (label) => [...host.querySelectorAll("button")].find((each) => (each.ariaLabel ?? each.textContent) === label || each.textContent === label);
  /** How many pixels are dark, of how many. */
  const ink = () => {
    const { width, height } = find("canvas");
    const { data } = find("canvas").getContext("2d").getImageData(0, 0, width, height);
    let dark = 0;
    for (let at = 0; at < data.length; at += 4) dark += data[at + 3] > 0 && data[at] + data[at + 1] + data[at + 2] < 384 ? 1 : 0;
    return { dark, all: width * height };
  };
  /** The text of the page's spans whose middle lies in one of an anchor's marks, as they are laid out now. */
  const under = (no) => {
    const marks = [...host.querySelectorAll(`.mark[data-anchor="${no}"]`)].map((mark) => mark.getBoundingClientRect());
    const inMark = ({ left, right, top, bottom }) => marks.some((mark) => {
      const [x, y] = [(left + right) / 2, (top + bottom) / 2];
      return x > mark.left && x < mark.right && y > mark.top && y < mark.bottom;
    });
    return [...host.querySelectorAll(".textLayer span")].filter((span) => inMark(span.getBoundingClientRect())).map((span) => span.textContent);
  };
  const write = async (text, label) => {
    find("form input").value = text;
    button(label).click();
    await until(() => find("form input").value === "", "it is written");
  };
  const sees = (wanted) => until(() => host.innerText.includes(wanted), `the page shows ${wanted}; it shows ${host.innerText}`);
  Object.assign(globalThis, { all, viewer, find, button, ink, under, write, sees, until });
}

inEachBrowser("a paper is imported, drawn, quoted, found again, and deleted with its space", async (browser) => {
  const server = await serve();
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const visit = async () => {
      await page.goto(`${server.origin}/tests/browser/api/uses.html`);
      await page.evaluate(begin, LIBRARY);
    };
    await visit();
    const imported = await page.evaluate(async (paper) => {
      const blob = await (await fetch(paper)).blob();
      const file = (name) => new File([blob], name, { type: "application/pdf" });
      const [one, two] = [await all.importPdf(file("TraceMonkey.pdf")), await all.importPdf(file("again.pdf"))];
      const contents = (await all.listContents()).map(({ size, held, uses }) => [size === blob.size, held, uses.length]);
      const { blobBytes } = await all.patch.stats();
      return { one: one._id, two: two._id, contents, stored: blobBytes / blob.size };
    }, PAPER);
    assert.deepEqual(imported.contents, [[true, true, 2]], "one content of two references");
    assert.ok(imported.stored >= 1 && imported.stored < 1.01, `${imported.stored} times its size`);

    const drawn = await page.evaluate(async (id) => {
      await viewer.open(id);
      const first = { ...ink(), said: find("[role=status]").textContent, text: find(".textLayer").textContent.slice(0, 60) };
      await viewer.turn(12);
      const last = { ...ink(), said: find("[role=status]").textContent };
      await viewer.turn(0);
      return { first, last };
    }, imported.one);
    assert.equal(drawn.first.said, "Page 1 of 14");
    assert.equal(drawn.last.said, "Page 13 of 14");
    assert.ok(drawn.first.text.startsWith(OPENING), drawn.first.text);
    for (const { dark, all } of [drawn.first, drawn.last]) assert.ok(dark > all / 100 && dark < all / 2, `${dark} of ${all} pixels are dark`);

    const quoted = await page.evaluate(async () => {
      const spans = [...find(".textLayer").querySelectorAll("span")];
      const title = spans.find((span) => span.textContent.startsWith("Trace-based"));
      const abstract = spans.findIndex((span) => span.textContent.startsWith("Dynamic languages such as"));
      const select = (from, until) => {
        getSelection().removeAllRanges();
        getSelection().setBaseAndExtent(from.firstChild, 0, until.firstChild, until.firstChild.length);
        button("Anchor the selection").click();
      };
      select(title, title);
      await sees("Anchor 1, page 1");
      await write("the title", "Write");
      await sees("Note 1: the title");
      select(spans[abstract], spans.slice(abstract).find((span) => span.textContent.includes("standardly")) ?? spans[abstract + 8]);
      await sees("Anchor 2, page 1");
      await write("to be changed", "Write");
      await sees("Note 2: to be changed");
      await write("to be deleted", "Write");
      await sees("Note 3: to be deleted");
      button("Edit note 2").click();
      await until(() => find("form input").value === "to be changed", "the note is in the form");
      await write("the abstract", "Save");
      await sees("Note 2: the abstract");
      button("Delete note 3").click();
      await until(() => !find(".remarks").innerText.includes("Note 3"), "the note goes");
      return { under: [under(1), under(2)], lines: [...document.querySelectorAll(".mark")].length };
    });
    assert.equal(quoted.under[0].join(""), OPENING);
    assert.ok(quoted.under[1].length >= 4, quoted.under[1].join());
    assert.ok(quoted.lines >= 5, `${quoted.lines} marks`);

    await visit();
    const again = await page.evaluate(async (id) => {
      const anchors = await all.getAnchorsForReference(id);
      const notes = await all.getNotesForReference(id);
      document.querySelector("#viewer").style.width = "700px";
      await viewer.open(id);
      return {
        dark: ink().dark,
        anchors: anchors.map(({ local_no, pdf, quote }) => [local_no, pdf.page_index, quote.text]),
        inPage: anchors.every(({ rects }) => rects.every(({ x, y, width, height }) => x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 1 && y + height <= 1)),
        notes: notes.map(({ local_no, content }) => [local_no, content]),
        under: [under(1), under(2)],
        // The first mark lies where the words do, to a few pixels.
        beside: (() => {
          const words = [...document.querySelectorAll(".textLayer span")].find((span) => span.textContent.startsWith("Trace-based")).getBoundingClientRect();
          const mark = document.querySelector('.mark[data-anchor="1"]').getBoundingClientRect();
          return Math.max(...["left", "right", "top", "bottom"].map((side) => Math.abs(mark[side] - words[side])));
        })(),
        over: [...document.querySelectorAll(".sticky")].map((sticky) => sticky.innerText),
      };
    }, imported.one);
    assert.ok(again.dark > 0);
    assert.deepEqual(again.anchors.map(([no, index]) => [no, index]), [[1, 0], [2, 0]]);
    assert.equal(again.anchors[0][2], OPENING);
    assert.match(again.anchors[1][2], /^Dynamic languages such as JavaScript are more difficult/);
    const letters = (text) => text.replace(/\s/g, "");
    assert.equal(letters(again.anchors[1][2]), letters(again.under[1].join("")), "what is marked is what is quoted");
    assert.equal(again.inPage, true);
    assert.deepEqual(again.notes, [[1, "the title"], [2, "the abstract"]]);
    assert.deepEqual(again.under, quoted.under, "in a narrower page, the marks lie on the same words");
    assert.ok(again.beside < 3, `${again.beside} pixels beside the words`);
    assert.deepEqual(again.over, ["the title", "the abstract"]);

    const gone = await page.evaluate(async ([one, two]) => {
      const bytes = async () => ((await all.patch.compact()), (await all.patch.stats()).blobBytes);
      const before = await bytes();
      button("Delete anchor 1").click();
      await until(() => document.querySelectorAll('.mark[data-anchor="1"]').length === 0, "the mark goes");
      const loose = (await all.getNotesForReference(one)).map(({ anchor_id }) => anchor_id === null);
      await all.deleteReference(one);
      await until(() => document.querySelector("#viewer").hidden, "the document is closed");
      const half = await bytes();
      await all.deleteReference(two);
      const counts = [];
      for (const table of ["references", "reference_assets", "anchors", "pdf_anchors", "pdf_text_anchors", "pdf_text_anchor_rects", "notes"]) counts.push(await all.db.count(table));
      const after = await bytes();
      const left = await all.listContents();
      await all.patch.close();
      return { before, loose, half, after, counts, left, problems: document.querySelector("#problem").innerText };
    }, [imported.one, imported.two]);
    assert.deepEqual(gone.loose, [true, false]);
    assert.ok(gone.before > 1_000_000 && gone.half === gone.before, `${gone.before} ${gone.half}`);
    assert.deepEqual([gone.after, gone.left, gone.problems], [0, [], ""]);
    assert.deepEqual(gone.counts, [0, 0, 0, 0, 0, 0, 0]);
  } finally {
    await context.close();
    await server.close();
  }
}, { timeout: 420_000 });
