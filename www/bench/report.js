/** Makes a table of samples: medians, spreads, ratios, and which targets are met. */
import { targets } from "./targets.js";
import { work } from "./work/index.js";

const sorted = (numbers) => numbers.toSorted((a, b) => a - b);

function median(numbers) {
  const all = sorted(numbers);
  const middle = Math.floor(all.length / 2);
  return all.length % 2 ? all[middle] : (all[middle - 1] + all[middle]) / 2;
}

/**
 * One cell for each item and system: median, least and greatest over the rounds, how often an
 * operation was done per round; or why there is nothing.
 * @param {object[]} samples as they come from the rounds
 */
export function summarize(samples) {
  const cells = {};
  for (const { id } of work) {
    for (const system of new Set(samples.map(({ system }) => system))) {
      const own = samples.filter((sample) => sample.item === id && sample.system === system);
      if (own.length === 0) continue;
      const values = own.map(({ value }) => value).filter((value) => value !== undefined);
      const failed = own.find((sample) => sample.failed)?.failed;
      const skipped = own.find((sample) => sample.skipped)?.skipped;
      (cells[id] ??= {})[system] = values.length && !failed
        ? { median: median(values), least: Math.min(...values), greatest: Math.max(...values), samples: values.length, times: own[0].times }
        : { failed, skipped };
    }
  }
  return cells;
}

/** How many times faster (or smaller) `system` is than `than`; undefined where either is missing. */
export function ratio(cells, item, system, than) {
  const [own, other] = [cells[item]?.[system]?.median, cells[item]?.[than]?.median];
  return own === undefined || other === undefined ? undefined : other / own;
}

/** Each target with what was reached. */
export const judge = (cells) =>
  targets
    .map((target) => ({ ...target, reached: target.reach(cells) }))
    .filter(({ reached }) => reached !== undefined && !Number.isNaN(reached))
    .map((target) => ({ ...target, met: target.atMost === undefined ? target.reached >= target.atLeast : target.reached <= target.atMost }));

/** 3 significant digits with a unit. */
export function format(value, unit = "ms") {
  if (unit === "bytes") return value >= 1 << 20 ? `${(value / (1 << 20)).toFixed(1)} MiB` : `${(value / 1024).toFixed(0)} KiB`;
  const [number, name] = value >= 1000 ? [value / 1000, "s"] : value >= 1 ? [value, "ms"] : [value * 1000, "µs"];
  return `${number.toFixed(number >= 100 ? 0 : number >= 10 ? 1 : 2)} ${name}`;
}

/** The results as lines of text: a row for each item, a column for each system. */
export function asText({ cells, systems }) {
  const names = Object.keys(systems);
  const lines = [];
  const width = 19;
  const title = 42;
  // The columns are cut into blocks that fit a terminal; the first system stays beside all.
  for (let at = 1; at < Math.max(names.length, 2); at += 4) {
    const block = [names[0], ...names.slice(at, at + 4)];
    lines.push("", "median, half of the spread".padEnd(title) + block.map((name) => name.slice(0, width - 1).padStart(width)).join(""));
    for (const item of work) {
      if (!cells[item.id]) continue;
      const texts = block.map((name) => {
        const cell = cells[item.id][name];
        if (!cell) return "";
        if (cell.median === undefined) return cell.failed ? "failed" : "–";
        return format(cell.median, item.unit) + (cell.times < item.times ? "*" : "") + spread(cell);
      });
      lines.push(item.title.padEnd(title) + texts.map((text) => text.padStart(width)).join(""));
    }
  }
  const wire = names.filter((name) => systems[name].wire).map((name) => `${name} ${format(systems[name].wire, "bytes")}`);
  lines.push("", "* done less often, since it is slow", `over the wire (brotli): ${wire.join(", ")}`, "");
  return lines.concat(targetLines(cells)).join("\n");
}

/** Half of the way from the least to the greatest, of the median. */
function spread({ median, least, greatest, samples }) {
  return samples > 1 ? ` ±${((50 * (greatest - least)) / median).toFixed(0)} %`.padStart(8) : "".padStart(8);
}

function targetLines(cells) {
  const judged = judge(cells);
  if (judged.length === 0) return [];
  const lines = ["targets".padEnd(64) + "reached".padStart(12) + "wanted".padStart(12)];
  for (const { title, reached, atLeast, atMost, unit, met } of judged) {
    const show = (value) => (unit === "×" ? `${value.toFixed(2)}×` : format(value, unit));
    const wanted = atMost === undefined ? `≥ ${show(atLeast)}` : `≤ ${show(atMost)}`;
    lines.push(title.padEnd(64) + show(reached).padStart(12) + wanted.padStart(12) + (met ? "   met" : "   MISSED"));
  }
  lines.push(`${judged.filter(({ met }) => met).length} of ${judged.length} targets are met`);
  return lines;
}
