import { Shape, shapeOf } from "../shape.js";

/** Of an element, a property or a number. */
const SLOT_BYTES = 8;
/** What is deeper is refused where it is encoded. */
const MAX_DEPTH = 1000;

/**
 * About how many bytes a value takes that came over a port. To be asked before anything else is
 * done with it, and it stops above `most`: an array may claim four thousand million holes, and a
 * message of a few hundred bytes may hold one object a million times over; each time counts.
 */
export function weigh(value: unknown, most: number, depth = 0): number {
  let bytes = 0;
  const add = (part: unknown) => (bytes += SLOT_BYTES + weigh(part, most - bytes, depth + 1)) > most;
  switch (shapeOf(value)) {
    case Shape.String:
      return (value as string).length;
    case Shape.BigInt:
      return bigintBytes(value as bigint);
    case Shape.ArrayBuffer:
      return (value as ArrayBuffer).byteLength;
    case Shape.View:
      return (value as ArrayBufferView).buffer.byteLength;
    case Shape.Blob:
    case Shape.File:
      return (value as Blob).size;
    case Shape.Array: {
      const items = value as unknown[];
      bytes = items.length * SLOT_BYTES;
      for (let at = 0; at < items.length && bytes <= most && depth < MAX_DEPTH; at++) {
        bytes += weigh(items[at], most - bytes, depth + 1);
      }
      return bytes;
    }
    case Shape.Map:
    case Shape.Set:
    case Shape.Object:
      if (depth >= MAX_DEPTH) return bytes;
      for (const each of parts(value as object)) if (add(each)) break;
      return bytes;
    default:
      return SLOT_BYTES;
  }
}

function* parts(value: object): Generator<unknown> {
  if (Symbol.iterator in value) {
    for (const each of value as Iterable<unknown>) yield each;
  } else {
    for (const name of Object.keys(value)) {
      yield name;
      yield (value as Record<string, unknown>)[name];
    }
  }
}

/** To ask for its text would take the time that a large one must not take. */
function bigintBytes(value: bigint): number {
  let bytes = SLOT_BYTES;
  while (BigInt.asIntN(bytes * 8, value) !== value) bytes *= 2;
  return bytes;
}
