/** Drives papers and files: imported, read, quoted with the mouse, noted; shown, deleted, and their space freed. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { deflateSync, crc32 } from "node:zlib";
import { click, eventually, press, rowsOf, textOf } from "./page.mjs";

const PAPER = "TraceMonkey";
const OTHER = "04-valid";
const QUOTE = "Trace-based Just-in-Time Type Specialization for Dynamic";
const PIXELS = 64;

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");
const buttonOf = (page, name) => page.getByRole("button", { name, exact: true });
const remarks = (page) => page.locator("#library-viewer .remarks li > span").allInnerTexts();
/** Without what can be done, of which there may be nothing. */
const assets = async (page) => (await rowsOf(page, "#assets-rows")).map((cells) => cells.slice(0, 4));
const short = (hash) => `${hash.slice(0, 12)}…`;
const sized = (n) => (n < 1024 ** 2 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1024 ** 2).toFixed(1)} MiB`);

/** Share of the page's pixels that are dark. */
const inkOf = (page) =>
  page.locator("#library-viewer canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let dark = 0;
    for (let at = 0; at < data.length; at += 4) dark += data[at + 3] > 0 && data[at] + data[at + 1] + data[at + 2] < 384 ? 1 : 0;
    return (4 * dark) / data.length;
  });

async function openPaper(page) {
  await buttonOf(page, `Open: ${PAPER}`).click();
  await page.locator("#library-viewer .textLayer span").first().waitFor();
  const ink = await inkOf(page);
  ok(ink > 0.01 && ink < 0.5, `${ink} of the page is dark`);
  return ink;
}

/** Drags the mouse over a line of the page. */
async function selectLine(page, text) {
  const line = page.locator("#library-viewer .textLayer span", { hasText: text }).first();
  // (At the window's edge, dragging scrolls.)
  await line.evaluate((span) => span.scrollIntoView({ block: "center" }));
  const { x, y, width, height } = await line.boundingBox();
  await page.mouse.move(x + 1, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y + height / 2, { steps: 4 });
  await page.mouse.move(x + width - 1, y + height / 2, { steps: 4 });
  await page.mouse.up();
}

export async function fillPapers(page, [paper, other]) {
  await click(page, "Import a paper");
  await buttonOf(page, `Open: ${PAPER}`).waitFor();
  await page.locator("#library-file").setInputFiles([other, other]);
  await eventually(() => page.getByRole("button", { name: `Open: ${OTHER}`, exact: true }).count(), 2, "the same file, twice");
  const sizes = await Promise.all([paper, other].map(async (file) => (await stat(file)).size));
  await page.locator("#library-file").setInputFiles({ name: "plain.pdf", mimeType: "application/pdf", buffer: Buffer.from("no PDF") });
  await eventually(() => textOf(page, "#library-problem"), "plain.pdf is not a PDF", "what is no PDF");

  const ink = await openPaper(page);
  await selectLine(page, QUOTE);
  await click(page, "Anchor the selection");
  const anchored = `Anchor 1, page 1: “${QUOTE}”`;
  await eventually(() => remarks(page), [anchored], "an anchor");
  const write = async (text) => {
    await page.locator("#remark-text").fill(text);
    await page.locator("#remark-text").press("Enter");
  };
  await write("What this paper is about");
  await eventually(() => remarks(page), [anchored, "Note 1: What this paper is about"], "a note");
  await write("To be deleted");
  await eventually(() => remarks(page), [anchored, "Note 1: What this paper is about", "Note 2: To be deleted"], "another note");
  await press(page, "Delete note 2");
  await press(page, "Edit note 1");
  await write("Compiles what is run in loops");
  await eventually(() => remarks(page), [anchored, "Note 1: Compiles what is run in loops"], "the note, changed");
  return `papers: ${sized(sizes[0])} and twice ${sized(sizes[1])} imported as two contents; ${(100 * ink).toFixed(1)} % ink; a line quoted, and noted`;
}

export async function fillAssets(page, papers) {
  const cover = png();
  const [paper, other] = await Promise.all(papers.map((file) => readFile(file)));
  await page.locator("#assets-file").setInputFiles({ name: "cover.png", mimeType: "image/png", buffer: cover });
  await click(page, "Put them, with references");
  const line = (bytes, held, uses) => [short(hashOf(bytes)), sized(bytes.length), held, uses];
  const sorted = (lines) => lines.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const rows = [line(paper, "held", PAPER), line(other, "held", `${OTHER}, ${OTHER}`), line(cover, "held", "cover")];
  await eventually(() => assets(page), sorted(rows), "what is stored");
  const loose = Buffer.from("nobody holds this".repeat(5_000));
  await page.locator("#assets-file").setInputFiles({ name: "loose.txt", mimeType: "text/plain", buffer: loose });
  await click(page, "Only put them");
  await eventually(() => assets(page), sorted([...rows, line(loose, "not held", "–")]), "what nothing holds");
  await showCover(page);

  await press(page, `Delete the file of ${OTHER}`);
  const told = await compact(page);
  await eventually(() => assets(page), sorted([rows[0], rows[2], line(loose, "not held", "–")]), "what is left");
  const sum = (...all) => sized(all.reduce((sum, { length }) => sum + length, 0));
  strictEqual(told.split(" in ")[0], `compact(): from ${sum(paper, other, cover, loose)} to ${sum(paper, cover, loose)}`);
  return `assets: 4 contents put, one of them of two references, deleted with them; ${told}`;
}

/** Compacts, and waits for what that comes to. */
async function compact(page) {
  await page.locator("#assets-told").evaluate((line) => (line.textContent = ""));
  await click(page, "Compact");
  await page.waitForFunction(() => document.querySelector("#assets-told").textContent.startsWith("compact()"));
  return textOf(page, "#assets-told");
}

async function showCover(page) {
  await press(page, "Show the file of cover");
  const image = page.locator("#assets-image");
  await eventually(() => image.evaluate(({ complete, naturalWidth, src }) => [complete, naturalWidth, src.slice(0, 5)]), [true, PIXELS, "blob:"], "the image");
}

export async function checkPapers(page) {
  await openPaper(page);
  const anchored = `Anchor 1, page 1: “${QUOTE}”`;
  await eventually(() => remarks(page), [anchored, "Note 1: Compiles what is run in loops"], "what was noted");
  // The mark lies on the words.
  const [mark, words] = await Promise.all([
    page.locator("#library-viewer .mark").first().boundingBox(),
    page.locator("#library-viewer .textLayer span", { hasText: QUOTE }).first().boundingBox(),
  ]);
  for (const side of ["x", "y", "width", "height"]) ok(Math.abs(mark[side] - words[side]) < 3, `${side}: ${mark[side]} and ${words[side]}`);
  strictEqual(await textOf(page, "#library-viewer .sticky"), "Compiles what is run in loops");
  await showCover(page);
  return "papers: drawn again, with the quoted line and its note on it; the cover is shown";
}

/** Every content is read back, and compared with its file. */
export async function checkAssets(page, [paper]) {
  const stored = await page.evaluate(async () => {
    const { openPatch } = await import("patchstore");
    const { OPTIONS } = await import("/stroma/storage.js");
    const patch = await openPatch("demo-library", OPTIONS);
    const found = [];
    for await (const { hash, size, held } of patch.blobs.list()) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await (await patch.blobs.get(hash)).arrayBuffer()));
      found.push([hash, Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""), size, held]);
    }
    await patch.close();
    return found;
  });
  for (const [hash, read] of stored) strictEqual(read, hash, "what is read back");
  const bytes = await readFile(paper);
  deepStrictEqual(stored.find(([hash]) => hash === hashOf(bytes))?.slice(2), [bytes.length, true]);
  return `assets: ${stored.length} contents read back, each with its SHA-256: ${stored.map(([hash, , size, held]) => `${short(hash)} ${sized(size)} ${held ? "held" : "not held"}`).join(", ")}`;
}

/** The paper goes with all that was noted on it, and its space with it. */
export async function deletePapers(page) {
  await page.getByRole("button", { name: `Delete it: ${PAPER}` }).click();
  await page.locator("#library-viewer").waitFor({ state: "hidden" });
  const told = await compact(page);
  await eventually(async () => (await assets(page)).flat().includes(PAPER), false, "the paper goes");
  match(told, /^compact\(\): from 1\.1 MiB to 1..\.. KiB in/, "and its space");
  return `papers: deleted; ${told}`;
}

/** A picture: a gradient of 64 by 64 pixels, with a comment that makes it larger than what stands in a page. */
function png() {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.from([0, 0, 0, PIXELS, 0, 0, 0, PIXELS, 8, 2, 0, 0, 0]);
  const rows = Array.from({ length: PIXELS }, (_, y) => [0, ...Array.from({ length: PIXELS }, (_, x) => [4 * x, 4 * y, 160]).flat()]);
  const comment = Buffer.from(`Comment\0${"a cover ".repeat(10_000)}`);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header), chunk("tEXt", comment), chunk("IDAT", deflateSync(Buffer.from(rows.flat()))), chunk("IEND", Buffer.alloc(0)),
  ]);
}
