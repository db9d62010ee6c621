/** What is selected of a page, as a text and as rectangles that fit the page at any size. */

/** Rectangles of less than this part of a page are of no width or height. */
const LEAST = 1e-4;

/**
 * What is selected within `layer`, a page's text: `{text, rects}`, the rects `{x, y, width, height}` as parts of the page's width and
 * height from its upper left corner, one for each line. Undefined when nothing is.
 */
export function selected(layer, selection = getSelection()) {
  if (selection.rangeCount === 0 || selection.isCollapsed) return undefined;
  const range = selection.getRangeAt(0);
  if (!range.intersectsNode(layer)) return undefined;
  const page = layer.getBoundingClientRect();
  const texts = textsIn(layer, range);
  const shapes = texts.flatMap((part) => [...part.getClientRects()]);
  const rects = shapes.map((rect) => within(rect, page)).filter(({ width, height }) => width > LEAST && height > LEAST);
  const text = texts.map((part) => (endsLine(part) ? `${part} ` : `${part}`)).join("").replace(/\s+/g, " ").trim();
  return text === "" || rects.length === 0 ? undefined : { text, rects: lines(rects) };
}

/** pdf.js has a break after the last piece of a line. */
const endsLine = ({ endContainer }) => endContainer.parentNode.nextSibling?.nodeName === "BR";

/** The selected part of each text node. (The rectangles of the range itself count elements, too, where it holds them whole.) */
function textsIn(layer, range) {
  const walker = document.createTreeWalker(layer, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!range.intersectsNode(node)) continue;
    const part = document.createRange();
    part.selectNodeContents(node);
    if (node === range.startContainer) part.setStart(node, range.startOffset);
    if (node === range.endContainer) part.setEnd(node, range.endOffset);
    if (!part.collapsed) found.push(part);
  }
  return found;
}

function within(rect, page) {
  const inside = (at) => Math.min(1, Math.max(0, at));
  const [left, right] = [rect.left, rect.right].map((x) => inside((x - page.left) / page.width));
  const [top, bottom] = [rect.top, rect.bottom].map((y) => inside((y - page.top) / page.height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Rectangles of one line that touch become one. */
function lines(rects) {
  const found = [];
  for (const rect of rects) {
    const last = found.at(-1);
    const overlap = last && Math.min(last.y + last.height, rect.y + rect.height) - Math.max(last.y, rect.y);
    const isNext = last && rect.x >= last.x && rect.x - (last.x + last.width) < rect.height;
    if (last && isNext && overlap > Math.min(last.height, rect.height) / 2) {
      const [right, bottom] = [Math.max(last.x + last.width, rect.x + rect.width), Math.max(last.y + last.height, rect.y + rect.height)];
      last.y = Math.min(last.y, rect.y);
      [last.width, last.height] = [right - last.x, bottom - last.y];
    } else found.push({ ...rect });
  }
  return found;
}
