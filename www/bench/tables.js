/** The results as tables of a page. */
import { format, judge, ratio } from "./report.js";
import { work } from "./work/index.js";

function table(head, rows) {
  const made = document.createElement("table");
  const line = (cells, kind) => {
    const row = made.insertRow();
    for (const cell of cells) {
      const { text, ...rest } = typeof cell === "object" ? cell : { text: cell };
      row.append(Object.assign(document.createElement(kind), { textContent: text, ...rest }));
    }
  };
  line(head, "th");
  for (const row of rows) line(row, "td");
  return made;
}

/** A row for each item, a column for each system; the best is bold. */
export function resultTable({ cells, systems }) {
  const names = Object.keys(systems);
  const head = ["", ...names.map((name) => systems[name].title), "IndexedDB ÷ patchstore"];
  const rows = work.filter(({ id }) => cells[id]).map((item) => {
    const row = cells[item.id];
    const best = Math.min(...names.map((name) => row[name]?.median ?? Infinity));
    const than = ratio(cells, item.id, "patchstore", "indexeddb");
    return [item.title, ...names.map((name) => cellOf(row[name], item, best)), than ? `${than.toFixed(2)}×` : ""];
  });
  const facts = [
    ["acknowledges", ...names.map((name) => systems[name].acknowledges), ""],
    ...(cells["real-bulk"] ? [["Dates", ...names.map((name) => (systems[name].json ? "given as ISO text" : "stored")), ""]] : []),
    ["over the wire, brotli", ...names.map((name) => (systems[name].wire ? format(systems[name].wire, "bytes") : "")), ""],
  ];
  return table(head, [...facts, ...rows]);
}

function cellOf(cell, item, best) {
  if (cell?.median === undefined) return { text: cell?.failed ? "failed" : "–", title: cell?.failed ?? cell?.skipped ?? "", className: "none" };
  const { median, least, greatest, samples, times } = cell;
  const often = `${samples} × ${times}`;
  return {
    text: format(median, item.unit) + (times < item.times ? ` (${times} only)` : ""),
    title: `${format(least, item.unit)} to ${format(greatest, item.unit)}, ${often}`,
    className: median === best ? "best" : "",
  };
}

/** Each target, what was reached, and whether that is enough. */
export function targetTable({ cells }) {
  const show = (value, unit) => (unit === "×" ? `${value.toFixed(2)}×` : format(value, unit));
  return table(["target", "reached", "wanted", ""], judge(cells).map(({ title, reached, atLeast, atMost, unit, met }) => [
    title,
    show(reached, unit),
    atMost === undefined ? `≥ ${show(atLeast, unit)}` : `≤ ${show(atMost, unit)}`,
    met ? "met" : "missed",
  ]));
}
