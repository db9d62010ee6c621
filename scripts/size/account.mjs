/** An account of the wasm by feature. */
import { brotliCompressSync, constants } from "node:zlib";
import { readModule, SECTION } from "../wasm/read.mjs";
import { orderOf, reordered } from "../wasm/reorder.mjs";
import { featureOf, plainName } from "./features.mjs";

/** What is no function: types, imports, exports, tables, data. */
const REST = "data, imports, exports, tables";

export const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }).length;

/** Whole numbers in the proportions of `shares`, of which `total` is the sum. */
function divided(total, shares) {
  const sum = shares.reduce((all, share) => all + share, 0);
  let [before, until] = [0, 0];
  return shares.map((share) => {
    until += share;
    const upTo = Math.round((total * until) / sum);
    const part = upTo - before;
    before = upTo;
    return part;
  });
}

/**
 * Of each feature the bytes, an estimate of what these are in brotli (each feature's functions compressed alone, in proportion) and how many functions; and all
 * functions, the largest first. The columns add up to the file.
 * @param delivered Buffer: the wasm of the package
 * @param named Buffer: what it was made of by `reorder.mjs`, with names
 */
export function account(delivered, named) {
  const [module, source] = [readModule(delivered), readModule(named)];
  if (!sameCode(module, readModule(reordered(named)))) throw new Error("the wasm with names is of another build");
  const order = orderOf(source);
  const features = new Map();
  const functions = module.bodies.map(({ start, end }, at) => {
    const name = source.names.get(source.importedFunctions.length + order[at]) ?? "";
    const feature = featureOf(name);
    const entry = features.get(feature) ?? { feature, bytes: 0, count: 0, parts: [] };
    features.set(feature, entry);
    entry.bytes += end - start;
    entry.count += 1;
    entry.parts.push(delivered.subarray(start, end));
    return { name: plainName(name), feature, bytes: end - start };
  });
  const rows = [...features.values()];
  const inFunctions = functions.reduce((sum, { bytes }) => sum + bytes, 0);
  rows.push({ feature: REST, bytes: delivered.length - inFunctions, count: 0, parts: restOf(module) });
  const compressed = divided(brotli(delivered), rows.map(({ parts }) => brotli(Buffer.concat(parts))));
  const done = rows.map(({ feature, bytes, count }, at) => ({ feature, bytes, brotli: compressed[at], count }));
  return { rows: done.sort((a, b) => b.bytes - a.bytes), functions: functions.sort((a, b) => b.bytes - a.bytes) };
}

const codeOf = ({ bytes, sections }) => sections.filter(({ id }) => id === SECTION.code).map(({ start, end }) => bytes.subarray(start, end));
const sameCode = (a, b) => Buffer.concat(codeOf(a)).equals(Buffer.concat(codeOf(b)));

function restOf({ bytes, sections }) {
  return sections.filter(({ id }) => id !== SECTION.code).map(({ start, end }) => bytes.subarray(start, end));
}

/** Functions that the same generic one was made into, by what they take beyond the largest of them: the most first. */
export function copies(functions) {
  const origins = new Map();
  for (const { name, bytes } of functions) {
    const origin = originOf(name);
    const entry = origins.get(origin) ?? { origin, bytes: 0, count: 0, largest: 0 };
    origins.set(origin, entry);
    entry.bytes += bytes;
    entry.count += 1;
    entry.largest = Math.max(entry.largest, bytes);
  }
  const beyond = ({ bytes, largest }) => bytes - largest;
  return [...origins.values()].filter(({ count }) => count > 1).sort((a, b) => beyond(b) - beyond(a));
}

/** A name without what generics were made for: `<X as Trait<Y>>::f::<Z>` is `<_ as Trait<_>>::f::<_>`. */
export function originOf(name) {
  const path = name.startsWith("<") ? name.slice(1, endOf(name, 0)) : "";
  const as = topLevel(path, " as ");
  if (as >= 0) return `<_ as ${flat(path.slice(as + 4))}>${flat(name.slice(path.length + 2))}`;
  return path === "" ? flat(name) : `<${flat(path)}>${flat(name.slice(path.length + 2))}`;
}

/** Where the bracket at `at` ends. (That of `->` is none.) */
function endOf(text, at) {
  let depth = 0;
  for (; at < text.length; at++) {
    if (text[at] === "<") depth += 1;
    else if (text[at] === ">" && text[at - 1] !== "-" && --depth === 0) return at;
  }
  return text.length;
}

function topLevel(text, wanted) {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "<") at = endOf(text, at);
    else if (text.startsWith(wanted, at)) return at;
  }
  return -1;
}

function flat(text) {
  let out = "";
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "<") out += text[at];
    else [out, at] = [`${out}<_>`, endOf(text, at)];
  }
  return out;
}
