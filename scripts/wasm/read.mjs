/** Reads the sections of a wasm; see "Binary Format" of the WebAssembly specification. */

export const SECTION = { custom: 0, type: 1, import: 2, function: 3, table: 4, memory: 5, global: 6, export: 7, start: 8, element: 9, code: 10, data: 11, dataCount: 12 };
export const KIND = { function: 0, table: 1, memory: 2, global: 3 };

/** A place in bytes, which moves as it reads. */
export class Cursor {
  /**
   * @param bytes Buffer
   * @param at where to begin
   */
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  /** An unsigned LEB128 of up to 32 bits. */
  unsigned() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  /** Steps over a LEB128 of any size and sign. */
  skip() {
    while (this.bytes[this.at++] > 127);
  }

  /** A signed LEB128 of up to 32 bits. */
  signed() {
    let value = 0;
    for (let shift = 0; ; ) {
      const byte = this.bytes[this.at++];
      value |= (byte & 127) << shift;
      shift += 7;
      if (byte < 128) return shift < 32 && byte & 64 ? value | (~0 << shift) : value;
    }
  }

  text() {
    const length = this.unsigned();
    return this.bytes.toString("utf8", this.at, (this.at += length));
  }

  /** The bytes from `start` to here. */
  since(start) {
    return this.bytes.subarray(start, this.at);
  }

  /** A vector: what `read` gives for each item. */
  list(read) {
    return Array.from({ length: this.unsigned() }, () => read());
  }
}

/** Steps over a type of a table or memory. */
function skipLimits(cursor) {
  const flags = cursor.byte();
  cursor.skip();
  if (flags & 1) cursor.skip();
}

/** The description of an import: its kind, for functions the type, and its bytes. */
function description(cursor) {
  const start = cursor.at;
  const kind = cursor.byte();
  let type;
  if (kind === KIND.function) type = cursor.unsigned();
  else if (kind === KIND.table) cursor.byte(), skipLimits(cursor);
  else if (kind === KIND.memory) skipLimits(cursor);
  else if (kind === KIND.global) cursor.at += 2;
  else throw new Error(`an import of the unknown kind ${kind}`);
  return { kind, type, bytes: cursor.since(start) };
}

/**
 * The parts of a module. Functions are numbered as in the module: imported ones first.
 * @param bytes Buffer
 */
export function readModule(bytes) {
  const module = { bytes, sections: [], types: [], imports: [], functionTypes: [], exports: [], bodies: [], tables: [], globals: [], elements: [], names: new Map() };
  const cursor = new Cursor(bytes, 8);
  const read = {
    [SECTION.type]: () => void (module.types = cursor.list(() => typeOf(cursor))),
    [SECTION.import]: () => void (module.imports = cursor.list(() => ({ module: cursor.text(), field: cursor.text(), ...description(cursor) }))),
    [SECTION.function]: () => void (module.functionTypes = cursor.list(() => cursor.unsigned())),
    [SECTION.table]: () => void (module.tables = cursor.list(() => tableOf(cursor))),
    [SECTION.global]: () => void (module.globals = cursor.list(() => globalOf(cursor))),
    [SECTION.export]: () => void (module.exports = cursor.list(() => ({ field: cursor.text(), kind: cursor.byte(), index: cursor.unsigned() }))),
    [SECTION.element]: () => void (module.elements = cursor.list(() => elementOf(cursor))),
    [SECTION.code]: () => void (module.bodies = cursor.list(() => bodyOf(cursor))),
  };
  while (cursor.at < bytes.length) {
    const start = cursor.at;
    const id = cursor.byte();
    const end = cursor.unsigned() + cursor.at;
    const section = { id, start, content: cursor.at, end };
    module.sections.push(section);
    if (id === SECTION.custom) {
      section.name = cursor.text();
      if (section.name === "name") module.names = namesIn(cursor, end);
    } else {
      read[id]?.();
    }
    cursor.at = end;
  }
  module.importedFunctions = module.imports.filter(({ kind }) => kind === KIND.function);
  return module;
}

function typeOf(cursor) {
  const start = cursor.at;
  if (cursor.byte() !== 0x60) throw new Error("a type that is not of a function");
  cursor.list(() => cursor.byte());
  cursor.list(() => cursor.byte());
  return cursor.since(start);
}

function tableOf(cursor) {
  const start = cursor.at;
  cursor.byte();
  skipLimits(cursor);
  return cursor.since(start);
}

function globalOf(cursor) {
  const start = cursor.at;
  cursor.at += 2;
  const type = cursor.since(start);
  if (cursor.byte() !== 0x41) throw new Error("a global that does not begin as a number of 32 bits is not understood");
  cursor.skip();
  if (cursor.byte() !== 0x0b) throw new Error("a global whose beginning is computed is not understood");
  return { type, bytes: cursor.since(start) };
}

/** An active segment of functions in the first table, which is all that rustc and wasm-bindgen make. */
function elementOf(cursor) {
  const start = cursor.at;
  const flags = cursor.unsigned();
  if (flags !== 0 || cursor.byte() !== 0x41) unknownElement(flags);
  const offset = cursor.signed();
  if (cursor.byte() !== 0x0b) unknownElement(flags);
  return { offset, functions: cursor.list(() => cursor.unsigned()) };
}

function unknownElement(flags) {
  throw new Error(`an element segment with the flags ${flags} is not understood`);
}

function bodyOf(cursor) {
  const start = cursor.at;
  const length = cursor.unsigned();
  const content = cursor.at;
  cursor.at += length;
  return { start, content, end: cursor.at };
}

/** The names of functions, by their numbers. */
function namesIn(cursor, end) {
  const names = new Map();
  const FUNCTIONS = 1;
  while (cursor.at < end) {
    const part = cursor.byte();
    const partEnd = cursor.unsigned() + cursor.at;
    if (part === FUNCTIONS) for (let left = cursor.unsigned(); left > 0; left--) names.set(cursor.unsigned(), cursor.text());
    cursor.at = partEnd;
  }
  return names;
}
