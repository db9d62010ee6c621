/**
 * What refers to what in a linked wasm, by the relocations that the linker leaves with `--emit-relocs`: see "WebAssembly Object File Linking", sections "linking"
 * and "reloc.*" (https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md).
 */
import { REFERS, walk } from "./code.mjs";
import { Cursor, SECTION } from "./read.mjs";

const SYMBOL_TABLE = 8;
const SYMBOL = { function: 0, data: 1, section: 3 };
const UNDEFINED = 0x10;
const NAMED = 0x40;

/** Kinds of relocations, by what they put there. */
const CALLED = new Set([0]);
const SLOT = new Set([1, 2]);
const ADDRESS = new Set([3, 4, 5]);
const NEITHER = new Set([6, 7, 20]);

/** Those in the code whose bytes are looked at: a number of a function, one of a slot. */
const [FUNCTION_INDEX_LEB, TABLE_INDEX_SLEB] = [0, 1];

function symbolOf(cursor) {
  const [kind, flags] = [cursor.byte(), cursor.unsigned()];
  if (kind === SYMBOL.data) {
    cursor.text();
    return flags & UNDEFINED ? { kind } : { kind, segment: cursor.unsigned(), offset: cursor.unsigned(), size: cursor.unsigned() };
  }
  const index = cursor.unsigned();
  if (kind !== SYMBOL.section && (!(flags & UNDEFINED) || flags & NAMED)) cursor.text();
  return { kind, index };
}

function symbolsOf({ bytes, sections }) {
  const section = sections.find(({ name }) => name === "linking");
  if (section === undefined) throw new Error("the linked wasm has no relocations: it was not linked with --emit-relocs");
  const cursor = new Cursor(bytes, section.content);
  cursor.text();
  cursor.unsigned();
  for (;;) {
    const kind = cursor.byte();
    const end = cursor.unsigned() + cursor.at;
    if (kind === SYMBOL_TABLE) return cursor.list(() => symbolOf(cursor));
    cursor.at = end;
    if (end >= section.end) throw new Error("the linked wasm has no table of symbols");
  }
}

/** The relocations of a section, by where they are in the file. */
function relocationsIn({ bytes, sections }, name) {
  const section = sections.find((each) => each.name === name);
  if (section === undefined) return [];
  const cursor = new Cursor(bytes, section.content);
  cursor.text();
  const { content } = sections[cursor.unsigned()];
  const found = cursor.list(() => {
    const [kind, offset, symbol] = [cursor.byte(), cursor.unsigned(), cursor.unsigned()];
    if (ADDRESS.has(kind)) cursor.skip();
    else if (!CALLED.has(kind) && !SLOT.has(kind) && !NEITHER.has(kind)) throw new Error(`a relocation of the kind ${kind} is not understood`);
    return { kind, symbol, at: content + offset };
  });
  return found.sort((a, b) => a.at - b.at);
}

/** Where segments of data begin in the file. */
function segmentsOf({ bytes, sections }) {
  const cursor = new Cursor(bytes, sections.find(({ id }) => id === SECTION.data).content);
  return cursor.list(() => {
    if (cursor.unsigned() !== 0 || cursor.byte() !== 0x41) throw new Error("a segment of data is not understood");
    cursor.skip();
    cursor.byte();
    const length = cursor.unsigned();
    const { at } = cursor;
    cursor.at += length;
    return at;
  });
}

/** The slots of each function in the table, and the function of each slot. */
export function slotsOf({ elements }) {
  const [bySlot, ofFunction] = [new Map(), new Map()];
  for (const { offset, functions } of elements) {
    functions.forEach((index, at) => {
      bySlot.set(offset + at, index);
      ofFunction.set(index, [...(ofFunction.get(index) ?? []), offset + at]);
    });
  }
  return { bySlot, ofFunction };
}

/**
 * What is reachable in a linked wasm.
 * @param module what `readModule` gives
 * @returns of the numbers of functions: the slots of the table whose numbers these, and all they can reach, have
 */
export function reachable(module) {
  const symbols = symbolsOf(module);
  const { ofFunction } = slotsOf(module);
  const ofBody = relocationsOfBodies(module, symbols, ofFunction);
  const ofData = relocationsOfData(module, symbols, ofFunction);
  const imported = module.importedFunctions.length;
  return (roots) => {
    const [functions, data, slots, open] = [new Set(), new Set(), new Set(), []];
    const enter = (seen, index, next) => {
      if (seen.has(index)) return;
      seen.add(index);
      open.push(next);
    };
    const call = (index) => enter(functions, index, () => ofBody[index - imported]);
    const follow = ({ kind, symbol }) => {
      const { index } = symbols[symbol];
      if (SLOT.has(kind)) for (const slot of ofFunction.get(index)) slots.add(slot);
      if (SLOT.has(kind) || CALLED.has(kind)) call(index);
      if (ADDRESS.has(kind)) enter(data, symbol, () => ofData.get(symbol));
    };
    roots.forEach(call);
    while (open.length > 0) open.pop()()?.forEach(follow);
    return slots;
  };
}

function relocationsOfBodies(module, symbols, ofFunction) {
  const found = module.bodies.map(() => []);
  let body = 0;
  for (const relocation of relocationsIn(module, "reloc.CODE")) {
    while (relocation.at >= module.bodies[body].end) body++;
    found[body].push(relocation);
    confirm(module, relocation, symbols, ofFunction);
  }
  module.bodies.forEach((body, at) => {
    let calls = 0;
    walk(module, body, (kind) => (calls += kind === REFERS.function ? 1 : 0));
    if (calls !== found[at].filter(({ kind }) => CALLED.has(kind)).length) throw new Error(`a call in the function ${module.importedFunctions.length + at} has no relocation`);
  });
  return found;
}

/** That the numbers in the code are those of the symbols: what is here was understood. */
function confirm({ bytes }, { kind, symbol, at }, symbols, ofFunction) {
  const { index } = symbols[symbol];
  const is =
    kind === FUNCTION_INDEX_LEB ? new Cursor(bytes, at).unsigned() === index : kind !== TABLE_INDEX_SLEB || ofFunction.get(index)?.includes(new Cursor(bytes, at).signed());
  if (!is) throw new Error(`the relocation at ${at} is not understood`);
}

/** By the symbol in which they are. */
function relocationsOfData(module, symbols, ofFunction) {
  const segments = segmentsOf(module);
  const places = [];
  symbols.forEach(({ segment, offset, size }, symbol) => segment !== undefined && places.push({ symbol, from: segments[segment] + offset, to: segments[segment] + offset + size }));
  const found = new Map();
  for (const relocation of relocationsIn(module, "reloc.DATA")) {
    const owners = places.filter(({ from, to }) => from <= relocation.at && relocation.at < to);
    if (owners.length === 0) throw new Error(`the relocation at ${relocation.at} is of no symbol's data`);
    if (SLOT.has(relocation.kind) && !ofFunction.get(symbols[relocation.symbol].index)?.includes(module.bytes.readUInt32LE(relocation.at))) {
      throw new Error(`the relocation at ${relocation.at} is not understood`);
    }
    for (const { symbol } of owners) found.set(symbol, [...(found.get(symbol) ?? []), relocation]);
  }
  return found;
}
