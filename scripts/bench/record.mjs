/**
 * Takes over what `make bench` measured: copies target/bench/results*.json to www/bench, and writes the
 * tables of README.md and docs/PERFORMANCE.md anew, between their markers.
 */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format, judge, ratio } from "../../www/bench/report.js";
import { work } from "../../www/bench/work/index.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(head), row(head.map((_, at) => (at ? "--:" : "---"))), ...rows.map(row)].join("\n");
const times = (value) => (value === undefined ? "" : `${value >= 10 ? value.toFixed(0) : value.toFixed(2)}×`);

function about({ date, commit, browser, machine, rounds, systems }) {
  const versions = new Set(Object.values(systems).flatMap(({ versions }) => Object.entries(versions).map((pair) => pair.join(" "))));
  const of = commit ? `, commit ${commit.slice(0, 10)}` : "";
  return `${date.slice(0, 10)}${of}, headless ${browser}, ${machine}, medians of ${rounds} rounds; ${[...versions].join(", ")}.`;
}

function cellOf(cell, item) {
  if (cell?.median === undefined) return cell?.failed ? "failed" : "–";
  const { median, least, greatest, samples } = cell;
  const spread = samples > 1 ? ` ±${((50 * (greatest - least)) / median).toFixed(0)} %` : "";
  return format(median, item.unit) + (cell.times < item.times ? `, ${cell.times} only` : "") + spread;
}

/** All systems, a row for each item; beside each median half of the way from the least to the greatest. */
function full(results) {
  const { cells, systems } = results;
  const names = Object.keys(systems);
  const rows = work
    .filter(({ id }) => cells[id])
    .map((item) => [item.title, ...names.map((name) => cellOf(cells[item.id][name], item))]);
  return [
    about(results),
    "",
    table(["", ...names.map((name) => systems[name].title)], [
      ["acknowledges", ...names.map((name) => systems[name].acknowledges)],
      ["over the wire, brotli", ...names.map((name) => format(systems[name].wire, "bytes"))],
      ...rows,
    ]),
    "",
    ...Object.values(systems).filter(({ rounds }) => rounds).map(({ title, rounds }) => `${title}: ${rounds} round only, since it is slow.`),
    "",
    targetsOf(results),
  ].join("\n");
}

function targetsOf({ cells }) {
  const show = (value, unit) => (unit === "×" ? times(value) : format(value, unit));
  const rows = judge(cells).map(({ title, reached, atLeast, atMost, unit, met }) => [
    title,
    show(reached, unit),
    atMost === undefined ? `≥ ${show(atLeast, unit)}` : `≤ ${show(atMost, unit)}`,
    met ? "met" : "**missed**",
  ]);
  return rows.length ? table(["target", "reached", "wanted", ""], rows) : "";
}

/** patchstore, IndexedDB and whoever is fastest, of what both do. */
function brief(results) {
  const { cells, systems } = results;
  const rows = work.filter(({ id }) => cells[id]?.patchstore?.median && cells[id].indexeddb?.median).map((item) => {
    const others = Object.entries(cells[item.id]).filter(([name, { median }]) => !["packed", "encrypted"].includes(name) && median !== undefined);
    const [[best, { median }]] = others.sort(([, a], [, b]) => a.median - b.median);
    return [
      item.title,
      format(cells[item.id].patchstore.median, item.unit),
      format(cells[item.id].indexeddb.median, item.unit),
      times(ratio(cells, item.id, "patchstore", "indexeddb")),
      best === "patchstore" ? "patchstore" : `${systems[best].title}, ${format(median, item.unit)}`,
    ];
  });
  return `${about(results)}\n\n${table(["", "patchstore", "IndexedDB", "ratio", "best (without the floor)"], rows)}`;
}

/** Replaces what is between `<!-- name -->` and `<!-- /name -->`. */
function fill(path, name, text) {
  const old = readFileSync(root + path, "utf8");
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, until] = [old.indexOf(start), old.indexOf(end)];
  if (from < 0 || until < from) throw new Error(`${path} has no ${start} … ${end}`);
  writeFileSync(root + path, `${old.slice(0, from + start.length)}\n${text}\n${old.slice(until)}`);
}

for (const name of ["results", "results-firefox", "results-webkit", "results-sqlite"]) {
  const measured = `${root}target/bench/${name}.json`;
  const kept = `${root}www/bench/${name}.json`;
  const from = existsSync(measured) ? measured : kept;
  if (!existsSync(from)) continue;
  const results = JSON.parse(readFileSync(from));
  if (!results.cells) continue;
  const failed = Object.entries(results.cells).find(([, row]) => Object.values(row).some((cell) => cell.failed));
  if (failed) throw new Error(`${name}.json: ${failed[0]} failed for somebody: measure again`);
  if (from === measured && (!results.commit || results.changed)) throw new Error(`${name}.json is of no commit: commit, then measure again`);
  if (from === measured) copyFileSync(measured, kept);
  fill("docs/PERFORMANCE.md", name, full(results));
  if (name === "results") fill("README.md", name, brief(results));
}
