/** Walks through the instructions of a function's body. */
import { Cursor } from "./read.mjs";

/** What an instruction refers to by a number. */
export const REFERS = { function: 0, type: 1, global: 2, table: 3 };

/** What loads and stores promise of their addresses, as powers of two: the most that they may, by their codes from 0x28 on. */
const ALIGNMENTS = [2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 3, 2, 3, 0, 1, 0, 1, 2];
const FIRST_ACCESS = 0x28;

/**
 * Calls `visit(kind, index, from, to)` for each number in a body by which an instruction refers to a function, type, global or table;
 * `from` and `to` are where the number is in the bytes. `constant(value)` is called for each i32.const, `alignment(at, most)` for each
 * load and store: where the byte is that tells how its address is aligned, and the most it may tell.
 * @param module what `readModule` gives
 */
export function walk(module, body, visit, constant = () => {}, alignment = () => {}) {
  const cursor = new Cursor(module.bytes, body.content);
  for (let groups = cursor.unsigned(); groups > 0; groups--) cursor.skip(), cursor.byte();
  const refer = (kind) => {
    const from = cursor.at;
    const index = cursor.unsigned();
    visit(kind, index, from, cursor.at);
  };
  while (cursor.at < body.end) instruction(cursor, refer, constant, alignment);
  if (cursor.at !== body.end) throw new Error(`a body ends at ${cursor.at} instead of ${body.end}`);
}

/** Where each body refers to functions. */
export function callsOf(module) {
  return module.bodies.map((body) => {
    const calls = [];
    walk(module, body, (kind, index, from, to) => kind === REFERS.function && calls.push({ from, to, index }));
    return calls;
  });
}

/** The type of a block: nothing, a value's, or a number of a type, which is a signed LEB128 of 33 bits. */
function blockType(cursor, refer) {
  const first = cursor.bytes[cursor.at];
  if (first === 0x40 || (first >= 0x6f && first <= 0x7f)) cursor.at += 1;
  else refer(REFERS.type);
}

function instruction(cursor, refer, constant, alignment) {
  const code = cursor.byte();
  if (code === 0x02 || code === 0x03 || code === 0x04) return blockType(cursor, refer);
  if (code === 0x0c || code === 0x0d) return cursor.skip();
  if (code === 0x0e) {
    for (let left = cursor.unsigned(); left >= 0; left--) cursor.skip();
    return undefined;
  }
  if (code === 0x10 || code === 0x12 || code === 0xd2) return refer(REFERS.function);
  if (code === 0x11 || code === 0x13) return refer(REFERS.type), refer(REFERS.table);
  if (code === 0x1c) return void (cursor.at += cursor.unsigned());
  if (code === 0x20 || code === 0x21 || code === 0x22) return cursor.skip();
  if (code === 0x23 || code === 0x24) return refer(REFERS.global);
  if (code === 0x25 || code === 0x26) return refer(REFERS.table);
  if (code >= FIRST_ACCESS && code <= 0x3e) return alignment(cursor.at, ALIGNMENTS[code - FIRST_ACCESS]), cursor.skip(), cursor.skip();
  if (code === 0x3f || code === 0x40 || code === 0xd0) return void (cursor.at += 1);
  if (code === 0x41) return constant(cursor.signed());
  if (code === 0x42) return cursor.skip();
  if (code === 0x43) return void (cursor.at += 4);
  if (code === 0x44) return void (cursor.at += 8);
  if (code === 0xfc) return extended(cursor, refer);
  if (code === 0x05 || code <= 0x01 || code === 0x0b || code === 0x0f || code === 0x1a || code === 0x1b || code === 0xd1 || (code >= 0x45 && code <= 0xc4)) return undefined;
  throw new Error(`the instruction ${code.toString(16)} is not known`);
}

function extended(cursor, refer) {
  const code = cursor.unsigned();
  if (code <= 7) return undefined;
  if (code === 10) return void (cursor.at += 2);
  if (code === 11) return void (cursor.at += 1);
  if (code >= 15 && code <= 17) return refer(REFERS.table);
  throw new Error(`the instruction fc ${code} is not known`);
}
