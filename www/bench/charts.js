/** Bar charts with a logarithmic scale: a bar for each system, a line from the least to the greatest. */
import { format } from "./report.js";
import { work } from "./work/index.js";

const ROW = 16;
const LABEL = 130;
const WIDTH = 430;
const VALUE = 70;
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** @returns {HTMLElement} a figure for each item that was measured */
export function charts({ cells, systems }) {
  const all = document.createElement("div");
  all.className = "charts";
  for (const item of work) {
    const bars = Object.entries(cells[item.id] ?? {}).filter(([, { median }]) => median > 0);
    if (bars.length > 0) all.append(chart(item, bars, systems));
  }
  return all;
}

function chart(item, bars, systems) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = item.title;
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${bars.length * ROW + 4}`, role: "img" });
  // The scale begins at a power of ten below the least, so that every bar has a length.
  const from = Math.floor(Math.log10(Math.min(...bars.map(([, { least, median }]) => least || median)))) - 0.3;
  const to = Math.log10(Math.max(...bars.map(([, { greatest }]) => greatest)));
  const x = (value) => LABEL + ((Math.log10(value) - from) / (to - from)) * (WIDTH - LABEL - VALUE);
  bars.sort(([, a], [, b]) => a.median - b.median).forEach(([name, { median, least, greatest }], at) => {
    const y = at * ROW + 2;
    svg.append(
      element("text", { x: LABEL - 6, y: y + 11, "text-anchor": "end" }, systems[name].title),
      element("rect", { class: name === "patchstore" ? "own" : "bar", x: LABEL, y, width: Math.max(1, x(median) - LABEL), height: ROW - 4 }),
      element("text", { x: x(greatest) + 4, y: y + 11 }, format(median, item.unit)),
    );
    if (least > 0 && greatest > least) {
      svg.append(element("line", { class: "spread", x1: x(least), x2: x(greatest), y1: y + 6, y2: y + 6 }));
    }
  });
  figure.append(caption, svg);
  return figure;
}
