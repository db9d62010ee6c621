/** Finds the places of tests/mutants.mjs in the sources, and edits them. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const MARKER = /^[ \t]*\/\/ planted: (.*)$/gm;
/** What of Rust, and of TypeScript, matters to where a statement ends; comments and literals are passed over. */
const TOKEN = /\/\/.*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\])*"|'(?:\\[^']+|[^'\\\n])'|[([{}\])]|;/g;
/** What follows a block within a statement. */
const GOES_ON = /^\s*(?:else\b|[.?;),]|[-+*/&|<>=!]{1,2}\s)/;

/** The markers of a text: where the code below each begins, and its names. */
function markersIn(text) {
  return [...text.matchAll(MARKER)].map(({ index, 0: line, 1: names }) => ({
    start: index + line.length,
    names: names.split(",").map((name) => name.trim()),
  }));
}

/** The files in which each marker is, by its name; several times where it is there several times. */
function markersOf(root) {
  const found = new Map();
  for (const name of readdirSync(join(root, "src"), { recursive: true })) {
    if (!/\.(rs|ts)$/.test(name)) continue;
    const file = join("src", name);
    for (const at of markersIn(readFileSync(join(root, file), "utf8")).flatMap(({ names }) => names)) {
      found.set(at, [...(found.get(at) ?? []), file]);
    }
  }
  return found;
}

/** The one file that has the marker. */
function fileOf(markers, at) {
  const files = markers.get(at) ?? [];
  if (files.length === 1) return files[0];
  throw new Error(files.length === 0 ? `the marker "${at}" is missing` : `the marker "${at}" is in ${files.join(" and ")}`);
}

/** Where what begins at `from` ends: a statement, an arm with a block, or the last expression of a block. */
function endOf(text, from) {
  let depth = 0;
  TOKEN.lastIndex = from;
  for (let token; (token = TOKEN.exec(text)); ) {
    const { 0: mark, index } = token;
    if ("([{".includes(mark)) depth += 1;
    else if (")]}".includes(mark)) depth -= 1;
    if (depth < 0) return index;
    const ends = mark === ";" || (mark === "}" && !GOES_ON.test(text.slice(index + 1)));
    if (depth === 0 && ends) return index + 1;
  }
  return text.length;
}

/** `text` with the edit; throws if it does not apply. */
function edited(text, { at, from, to, before }) {
  const { start } = markersIn(text).find(({ names }) => names.includes(at));
  const code = text.slice(start, endOf(text, start));
  const words = from.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const places = [...code.matchAll(new RegExp(words.join("\\s*"), "g"))];
  if (places.length !== 1) throw new Error(`"${from}" is ${places.length} times below the marker "${at}":${code}`);
  const [{ 0: found, index }] = places;
  const now = before === undefined ? to : `${before}\n${found}`;
  return text.slice(0, start + index) + now + text.slice(start + index + found.length);
}

/** Plants the mutant in the sources of `root`; what undoes it. */
export function plant(root, { edits }) {
  const markers = markersOf(root);
  const originals = new Map();
  const undo = () => originals.forEach((text, file) => writeFileSync(file, text));
  try {
    for (const edit of edits) {
      const file = join(root, fileOf(markers, edit.at));
      const text = readFileSync(file, "utf8");
      if (!originals.has(file)) originals.set(file, text);
      writeFileSync(file, edited(text, edit));
    }
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}

/** What keeps the mutants from being planted in the sources of `root`. */
export function faultsOf(root, mutants) {
  const markers = markersOf(root);
  const faults = [];
  for (const { name, edits } of mutants) {
    for (const edit of edits) {
      try {
        edited(readFileSync(join(root, fileOf(markers, edit.at)), "utf8"), edit);
      } catch (error) {
        faults.push(`"${name}": ${error.message}`);
      }
    }
  }
  const used = new Set(mutants.flatMap(({ edits }) => edits.map(({ at }) => at)));
  for (const [at, files] of markers) {
    if (!used.has(at)) faults.push(`nothing is planted at the marker "${at}" of ${files.join(" and ")}`);
  }
  return faults;
}
