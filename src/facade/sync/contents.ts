import { shapeOf, Shape } from "../base/shape.js";
import { MAX_VALUE_BYTES } from "../base/limits.js";
import { BlobReader, type BlobPlace } from "../bridge/blobs.js";

/**
 * The content of Blobs in entries: what encodes entries cannot wait for it, so what hands entries out reads it. It is
 * kept as long as the Blob is.
 */
const known = new WeakMap<Blob, Uint8Array>();

export function contentOf(blob: Blob): Uint8Array | undefined {
  return known.get(blob);
}

export function know(blob: Blob, content: Uint8Array): void {
  known.set(blob, content);
}

/** Reads what is in the Blobs of values that were decoded, up to what one call encodes. What cannot be read is left out: who encodes it is
 *  told. */
export async function readContents(place: BlobPlace, values: Iterable<unknown>): Promise<void> {
  const blobs: Blob[] = [];
  for (const value of values) collect(value, blobs);
  const reader = new BlobReader(place);
  let left = MAX_VALUE_BYTES;
  for (const blob of blobs) {
    if (blob.size > left) continue;
    left -= blob.size;
    try {
      know(blob, await reader.bytesOf([0, blob, ""]));
    } catch {
      // (Its entry can still be applied, and everything but its Blob read.)
    }
  }
}

/** The Blobs of a value, which is a tree. */
function collect(value: unknown, blobs: Blob[]): void {
  const each = (part: unknown): void => collect(part, blobs);
  switch (shapeOf(value)) {
    case Shape.Blob:
    case Shape.File:
      blobs.push(value as Blob);
      break;
    case Shape.Array:
    case Shape.Set:
      (value as unknown[]).forEach(each);
      break;
    case Shape.Map:
      for (const pair of value as Map<unknown, unknown>) pair.forEach(each);
      break;
    case Shape.Object:
      Object.values(value as object).forEach(each);
  }
}
