/** Pages of PDFs, drawn by pdf.js: a canvas, and its text over it, transparent, to be selected. */

/** Nothing of pdf.js is loaded before the first document is opened. All of it comes from this site. */
let loading;
const load = () =>
  (loading ??= (async () => {
    const pdfjs = await import("pdfjs-dist");
    pdfjs.GlobalWorkerOptions.workerSrc = beside("pdf.worker.min.mjs");
    return pdfjs;
  })());

/** The address of a file beside that of pdf.js. */
const beside = (path) => new URL(path, import.meta.resolve("pdfjs-dist")).href;

/** Opens the PDF at a URL: `{pages, draw, close}`. */
export async function openPdf(url) {
  const pdfjs = await load();
  const task = pdfjs.getDocument({
    url,
    cMapUrl: beside("../../cmaps/"),
    standardFontDataUrl: beside("../../standard_fonts/"),
    wasmUrl: beside("../../wasm/"),
    verbosity: pdfjs.VerbosityLevel.ERRORS,
  });
  const pdf = await task.promise;
  return {
    pages: pdf.numPages,
    draw: (index, width) => drawPage(pdfjs, pdf, index, width),
    close: () => task.destroy(),
  };
}

/**
 * Draws the page of that index, from 0, for a width in CSS pixels.
 * @returns `{canvas, text, width, height}`: the last two as the PDF has them; `fit` says what `text` goes by
 */
async function drawPage(pdfjs, pdf, index, shownWidth) {
  const page = await pdf.getPage(index + 1);
  const { width, height } = page.getViewport({ scale: 1 });
  const viewport = page.getViewport({ scale: shownWidth / width });
  const dense = globalThis.devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [viewport.width, viewport.height].map((size) => Math.floor(size * dense));
  const text = document.createElement("div");
  text.className = "textLayer";
  const drawn = page.render({ canvas, viewport, transform: dense === 1 ? undefined : [dense, 0, 0, dense, 0, 0] }).promise;
  const layer = new pdfjs.TextLayer({ textContentSource: page.streamTextContent(), container: text, viewport });
  await Promise.all([drawn, layer.render()]);
  return { canvas, text, width, height };
}

/** Fits a page of that size into `sheet`, as wide as that is now. */
export function fit(sheet, { width, height }) {
  sheet.style.aspectRatio = `${width} / ${height}`;
  // What pdf.js computes the places of texts by: see its own style sheet.
  const properties = { "--total-scale-factor": sheet.clientWidth / width, "--scale-round-x": "1px", "--scale-round-y": "1px" };
  for (const [name, value] of Object.entries(properties)) sheet.style.setProperty(name, value);
}
