/**
 * Splits a wasm in two, of which the second is loaded later into the same memory and tables. In the second are the exports whose names, or those of their classes, end in
 * "Later", and what nothing else reaches. Nothing in the first refers to anything of the second: what a function can reach is followed in what the linker has made, by its relocations,
 * with the slots of the table whose numbers are in code or in data. Its numbers of slots are those of the optimized wasm, whose calls are followed again.
 *
 * usage: split.mjs <linked wasm, with relocations> <wasm> <outfile> <outfile of the later part>
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { callsOf, REFERS, walk } from "./code.mjs";
import { KIND, readModule, SECTION } from "./read.mjs";
import { reachable, slotsOf } from "./relocations.mjs";
import { list, rewritten, section, signed, text, unsigned } from "./write.mjs";

/** The module from which the second part imports what the first has. */
export const FIRST = "first";
/** What the names of exports begin with that are for the second part only. */
export const SHARED = ":";

const isLater = (field) => /Later$|later_/.test(field);

/** What a function of the linked wasm is called where it is exported: wasm-bindgen takes the digits away that tell crates apart. */
const plain = (field) => field.replace(/_[0-9a-f]{16}$/, "");

/** What wasm-bindgen adds: it fills a table of values, by nothing but an import. */
const FILLS_TABLE = "__wbindgen_start";

function importsOnly(whole, index) {
  const imported = whole.importedFunctions.length;
  let is = true;
  if (index >= imported) walk(whole, whole.bodies[index - imported], (kind, called) => (is &&= kind !== REFERS.function || called < imported));
  return is;
}

/** Functions that call a closure: wasm-bindgen exports those that JavaScript may have a closure of, in a wrapping. */
const CLOSURES = { exported: /closures_+invoke/, linked: /8closures.*6invoke/ };

/** The functions of the linked wasm that are behind the exports of the first part. */
function rootsIn(linked, whole) {
  const named = new Map();
  for (const { field, kind, index } of linked.exports) if (kind === KIND.function) named.set(plain(field), [...(named.get(plain(field)) ?? []), index]);
  for (const { field, index } of whole.exports) if (field === FILLS_TABLE && !importsOnly(whole, index)) throw new Error(`${field} calls more than an import`);
  const closures = [...linked.names].filter(([, name]) => CLOSURES.linked.test(name)).map(([index]) => index);
  return whole.exports.flatMap(({ field, kind }) => {
    if (kind !== KIND.function || isLater(field) || field === FILLS_TABLE) return [];
    const found = CLOSURES.exported.test(field) ? closures : (named.get(field) ?? []);
    if (found.length === 0) throw new Error(`nobody knows what ${field} was before it was exported`);
    return found;
  });
}

/** The functions of the first part, by their numbers in the whole. */
function firstOf(linked, whole, calls) {
  const { bySlot } = slotsOf(whole);
  const slots = reachable(linked)(rootsIn(linked, whole));
  const open = whole.exports.filter(({ field, kind }) => kind === KIND.function && !isLater(field)).map(({ index }) => index);
  for (const slot of slots) open.push(bySlot.get(slot));
  const first = new Set();
  while (open.length > 0) {
    const index = open.pop();
    if (first.has(index)) continue;
    first.add(index);
    for (const call of calls[index - whole.importedFunctions.length] ?? []) open.push(call.index);
  }
  return first;
}

/** Runs of slots whose functions are wanted. */
function runsOf({ elements }, isWanted) {
  const runs = [];
  for (const { offset, functions } of elements) {
    let run;
    functions.forEach((index, at) => {
      if (!isWanted(index)) return void (run = undefined);
      if (run === undefined) runs.push((run = { offset: offset + at, functions: [] }));
      run.functions.push(index);
    });
  }
  return runs;
}

/** A part of the whole: `own` are its functions' numbers there, `imports` what it imports, each with its number there, if it is a function. */
function partOf(whole, calls, { imports, own, exports, isOwnSlot, kept }) {
  const { bytes } = whole;
  const first = whole.importedFunctions.length;
  const places = new Map();
  for (const { index } of imports) if (index !== undefined) places.set(index, places.size);
  for (const index of own) places.set(index, places.size);
  const placeOf = (index) => {
    const place = places.get(index);
    if (place === undefined) throw new Error(`a part of the wasm refers to ${whole.names.get(index) ?? index}, which it does not have`);
    return place;
  };
  const bodyAt = (index) => rewritten(bytes, whole.bodies[index - first], calls[index - first].map((call) => ({ ...call, index: placeOf(call.index) })));
  const element = ({ offset, functions }) => Buffer.concat([Buffer.from([0, 0x41]), signed(offset), Buffer.from([0x0b]), list(functions.map((index) => unsigned(placeOf(index))))]);
  const made = {
    [SECTION.import]: () => list(imports.map(({ module, field, bytes }) => Buffer.concat([text(module), text(field), bytes]))),
    [SECTION.function]: () => list(own.map((index) => unsigned(whole.functionTypes[index - first]))),
    [SECTION.export]: () => list(exports.map(({ field, kind, index }) => Buffer.concat([text(field), Buffer.from([kind]), unsigned(kind === KIND.function ? placeOf(index) : index)]))),
    [SECTION.element]: () => list(runsOf(whole, isOwnSlot).map(element)),
    [SECTION.code]: () => list(own.map(bodyAt)),
  };
  const taken = new Map(whole.sections.filter(({ id }) => kept.includes(id)).map(({ id, start, end }) => [id, bytes.subarray(start, end)]));
  for (const id of Object.keys(made)) taken.set(Number(id), section(Number(id), made[id]()));
  const parts = ORDER.flatMap((id) => taken.get(id) ?? []);
  return Buffer.concat([bytes.subarray(0, 8), ...parts, namesOf(whole, places)]);
}

/** The names of functions, as a custom section. */
function namesOf({ names }, places) {
  const sorted = [...places].filter(([index]) => names.has(index)).sort(([, a], [, b]) => a - b);
  return section(SECTION.custom, Buffer.concat([text("name"), section(1, list(sorted.map(([index, place]) => Buffer.concat([unsigned(place), text(names.get(index))]))))]));
}

/** Sections in the order in which they are. */
const ORDER = ["type", "import", "function", "table", "memory", "global", "export", "start", "element", "dataCount", "code", "data"].map((name) => SECTION[name]);
/** Those that are the same in a part as in the whole. */
const [BOTH, FIRST_ONLY] = [[SECTION.type], [SECTION.table, SECTION.memory, SECTION.global, SECTION.dataCount, SECTION.data]];

/**
 * Both parts.
 * @param linkedBytes Buffer: what the linker has made
 * @param wholeBytes Buffer: what wasm-bindgen and the optimizer have made of it
 */
export function split(linkedBytes, wholeBytes) {
  const [linked, whole] = [readModule(linkedBytes), readModule(wholeBytes)];
  if (whole.sections.some(({ id }) => id === SECTION.start)) throw new Error("a wasm with a start function is not understood");
  if (whole.imports.some(({ kind }) => kind !== KIND.function)) throw new Error("imports that are no functions are not understood");
  const calls = callsOf(whole);
  const first = firstOf(linked, whole, calls);
  const imported = whole.importedFunctions.length;
  const all = whole.bodies.map((_, at) => imported + at);
  const own = all.filter((index) => first.has(index));
  const later = all.filter((index) => !first.has(index));
  const calledLater = new Set(later.flatMap((index) => calls[index - imported].map((call) => call.index)));
  const imports = whole.imports.map((each, index) => ({ ...each, index }));
  const shared = own.filter((index) => calledLater.has(index)).map((index, at) => ({ field: SHARED + at.toString(36), kind: KIND.function, index }));
  const places = placesOf(whole);
  const exports = whole.exports.filter(({ field }) => !isLater(field));
  return {
    first: partOf(whole, calls, {
      imports: imports.filter(({ index }) => first.has(index)),
      own,
      exports: [...exports, ...places.map(({ field, kind, index }) => ({ field, kind, index })), ...shared],
      isOwnSlot: (index) => first.has(index),
      kept: [...BOTH, ...FIRST_ONLY],
    }),
    later: partOf(whole, calls, {
      imports: [
        ...imports.filter(({ index }) => calledLater.has(index)),
        ...places.map(({ field, bytes }) => ({ module: FIRST, field, bytes })),
        ...shared.map(({ field, index }) => ({ module: FIRST, field, index, bytes: Buffer.concat([Buffer.from([KIND.function]), unsigned(whole.functionTypes[index - imported])]) })),
      ],
      own: later,
      // (Whoever measures the memory looks for it in each instance.)
      exports: [{ field: "memory", kind: KIND.memory, index: 0 }, ...whole.exports.filter(({ field }) => isLater(field))],
      isOwnSlot: (index) => !first.has(index),
      kept: BOTH,
    }),
  };
}

/** What both parts have in common but functions: the memory, tables and globals, all in the same order, so that their numbers are the same in both. */
function placesOf({ bytes, sections, tables, globals }) {
  const memory = sections.find(({ id }) => id === SECTION.memory);
  const [MEMORIES] = bytes.subarray(memory.content);
  if (MEMORIES !== 1) throw new Error(`${MEMORIES} memories are not understood`);
  const described = (kind, type) => Buffer.concat([Buffer.from([kind]), type]);
  return [
    { field: `${SHARED}.m`, kind: KIND.memory, index: 0, bytes: described(KIND.memory, bytes.subarray(memory.content + 1, memory.end)) },
    ...tables.map((type, index) => ({ field: `${SHARED}.t${index}`, kind: KIND.table, index, bytes: described(KIND.table, type) })),
    ...globals.map(({ type }, index) => ({ field: `${SHARED}.g${index}`, kind: KIND.global, index, bytes: described(KIND.global, type) })),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [linked, whole, firstFile, laterFile] = process.argv.slice(2);
  const { first, later } = split(readFileSync(linked), readFileSync(whole));
  writeFileSync(firstFile, first);
  writeFileSync(laterFile, later);
}
