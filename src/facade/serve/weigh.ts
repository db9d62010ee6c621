import { bigintBytes } from "../copy.js";
import { Shape, shapeOf } from "../shape.js";

/** Of an element; a property has two, its name and its value. */
const SLOT_BYTES = 8;
/** What is deeper is refused where it is encoded. */
const MAX_DEPTH = 1000;

/**
 * About how many bytes a value takes that came over a port. To be asked before anything else is
 * done with it, and it stops above `most`: an array may claim four thousand million holes, and a
 * message of a few hundred bytes may hold one object a million times over; each time counts.
 */
export function weigh(value: any, most: number, depth = 0): number {
  let items: unknown[];
  switch (shapeOf(value)) {
    case Shape.String:
      return value.length;
    case Shape.BigInt:
      return bigintBytes(value);
    case Shape.ArrayBuffer:
      return value.byteLength;
    case Shape.View:
      return value.buffer.byteLength;
    case Shape.Blob:
    case Shape.File:
      return value.size;
    case Shape.Array:
      items = value;
      break;
    case Shape.Map:
      items = [...value].flat();
      break;
    case Shape.Set:
      items = [...value];
      break;
    case Shape.Object:
      items = Object.entries(value).flat();
      break;
    default:
      return 0;
  }
  let bytes = items.length * SLOT_BYTES;
  if (depth > MAX_DEPTH) return bytes;
  for (let at = 0; at < items.length && bytes <= most; at++) {
    bytes += weigh(items[at], most - bytes, depth + 1);
  }
  return bytes;
}
