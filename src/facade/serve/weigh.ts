import { bigintBytes } from "../values/copy.js";
import { Shape, shapeOf } from "../base/shape.js";

/** The weight of an element. A property counts as two: its name and its value. */
const SLOT_BYTES = 8;
/** The encoder refuses deeper values. */
const MAX_DEPTH = 1000;

/**
 * The approximate size in bytes of a value that arrived over a port. Call this before doing anything else
 * with the value. Stops counting above `most`: an array may claim four billion holes, and a message of a few
 * hundred bytes may refer to one object a million times; each reference counts.
 */
export function weigh(value: any, most: number, depth = 0): number {
  let items: unknown[];
  switch (shapeOf(value)) {
    case Shape.String:
      return textBytes(value, most);
    case Shape.BigInt:
      return bigintBytes(value);
    case Shape.ArrayBuffer:
      return value.byteLength;
    case Shape.View:
      return value.buffer.byteLength;
    case Shape.Blob:
    case Shape.File:
      return value.size;
    case Shape.BlobRef:
      return 2 * value.hash.length + value.type.length;
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

const PLAIN = /^[ !#-[\]-~]*$/;

/** The size in bytes of a text stored as JSON. Stops counting above `most`. */
function textBytes(text: string, most: number): number {
  const { length } = text;
  if (length > most || PLAIN.test(text)) return length;
  let bytes = 0;
  for (let at = 0; at < length && bytes <= most; at++) {
    const unit = text.charCodeAt(at);
    // Control characters are escaped as \u0001 or \n. A paired surrogate is half of four bytes; a lone one is escaped.
    if (unit < 0x20) bytes += unit > 7 && unit < 14 && unit !== 11 ? 2 : 6;
    else if (unit < 0x80) bytes += unit === 0x22 || unit === 0x5c ? 2 : 1;
    else if (unit < 0x800) bytes += 2;
    else if ((unit & 0xf800) !== 0xd800) bytes += 3;
    else bytes += isPaired(text, at) ? 2 : 6;
  }
  return bytes;
}

function isPaired(text: string, at: number): boolean {
  const partner = text.charCodeAt((text.charCodeAt(at) & 0x400) === 0 ? at + 1 : at - 1);
  return (partner & 0xf800) === 0xd800 && ((partner ^ text.charCodeAt(at)) & 0x400) !== 0;
}
