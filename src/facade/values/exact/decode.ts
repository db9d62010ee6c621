import type { WithBlobs } from "../snapshot.js";
import { HASH_BYTES, hashText, makeRef } from "../../base/blob-ref.js";
import { PatchStoreError } from "../../base/errors.js";
import { put } from "../../base/put.js";
import { BYTES_KINDS, FORM_BYTES, MAX_DEPTH, Tag } from "./form.js";
import { damaged, Reader } from "./reader.js";

/** How many Blobs were decoded so far: who looks for those of an answer need not where it is as it was. */
export let blobsDecoded = 0;

/** Told of each Blob that is part of the bytes, with its content. */
export type Made = (blob: Blob, content: Uint8Array) => void;

/** Decodes the exact form, with the Blobs stored beside it, to a fresh value. Throws Corrupt, LimitExceeded or
 *  Unavailable. */
export function decodeExact(stored: WithBlobs, beside: readonly Blob[] = stored.blobs ?? [], made?: Made): unknown {
  const reader = new Reader(stored, beside);
  reader.made = made;
  return valueIn(reader, 0, stored.length);
}

/**
 * Decodes values that are stored one after another, and puts each at its index in a list, or into the pair at that
 * index.
 * @param beside the Blobs stored beside the values, in order
 * @param ends the end offset of each value
 * @param places the index in the list of each value
 */
export function placeExact(
  list: unknown[],
  inPairs: boolean,
  stored: Uint8Array,
  beside: readonly Blob[],
  ends: Uint32Array,
  places: Uint32Array,
): void {
  const reader = new Reader(stored, beside);
  places.forEach((place, index) => {
    const value = valueIn(reader, ends[index - 1] ?? 0, ends[index] as number);
    if (inPairs) (list[place] as unknown[])[1] = value;
    else list[place] = value;
  });
}

function valueIn(reader: Reader, at: number, end: number): unknown {
  reader.turnTo(at + FORM_BYTES, end);
  try {
    const value = valueOf(reader, 0);
    if (!reader.isAtEnd) throw damaged("data follows its end");
    return value;
  } catch (cause) {
    if (cause instanceof PatchStoreError) throw cause;
    // Either there is not enough memory, or this browser lacks the class.
    const code = cause instanceof RangeError ? "LimitExceeded" : "Unavailable";
    throw new PatchStoreError(code, "this browser cannot create a stored value", { cause });
  }
}

function valueOf(reader: Reader, depth: number): unknown {
  const tag = reader.byte() as Tag;
  switch (tag) {
    case Tag.Null:
      return null;
    case Tag.Undefined:
      return undefined;
    case Tag.False:
      return false;
    case Tag.True:
      return true;
    case Tag.Number:
      return reader.float();
    case Tag.Integer:
      return reader.integer();
    case Tag.BigInt:
      return bigint(reader);
    case Tag.String:
      return reader.text();
    case Tag.Date:
      return new Date(reader.float());
    case Tag.Bytes:
      return bytes(reader);
    case Tag.Blob:
    case Tag.File:
      return blob(reader, tag);
    case Tag.AttachedBlob:
    case Tag.AttachedFile:
      return blobBeside(reader, tag);
    case Tag.BlobRef:
      return makeRef(hashText(reader.fixed(HASH_BYTES)), reader.varint(), reader.text());
    default:
      return container(reader, tag, depth + 1);
  }
}

function container(reader: Reader, tag: Tag, depth: number): unknown {
  if (depth > MAX_DEPTH) throw damaged("it is nested too deeply");
  const length = reader.varint();
  switch (tag) {
    case Tag.Array: {
      const out: unknown[] = [];
      for (let at = 0; at < length; at++) put(out, at, valueOf(reader, depth));
      return out;
    }
    case Tag.Object: {
      const out = {};
      for (let left = length; left > 0; left--) put(out, reader.name(), valueOf(reader, depth));
      return out;
    }
    case Tag.Map: {
      const out = new Map<unknown, unknown>();
      for (let left = length; left > 0; left--) out.set(valueOf(reader, depth), valueOf(reader, depth));
      return out;
    }
    case Tag.Set: {
      const out = new Set<unknown>();
      for (let left = length; left > 0; left--) out.add(valueOf(reader, depth));
      return out;
    }
    default:
      throw damaged(`it contains an unknown tag (${tag})`);
  }
}

function bigint(reader: Reader): bigint {
  const isNegative = reader.byte() === 1;
  const digits = Array.from(reader.bytes().reverse(), (byte) => byte.toString(16).padStart(2, "0"));
  const magnitude = BigInt(`0x0${digits.join("")}`);
  return isNegative ? -magnitude : magnitude;
}

type Class = new (...parts: unknown[]) => unknown;

function bytes(reader: Reader): unknown {
  const name = BYTES_KINDS[reader.byte()];
  if (name === undefined) throw damaged("it contains an unknown kind of buffer");
  const content = reader.bytes();
  if (name === "Uint8Array") return content;
  return name === "ArrayBuffer" ? content.buffer : make(name, content.buffer);
}

function blob(reader: Reader, tag: Tag.Blob | Tag.File): unknown {
  const name = tag === Tag.File ? [reader.text()] : [];
  const type = reader.text();
  const options = tag === Tag.File ? { type, lastModified: reader.float() } : { type };
  const content = reader.bytes();
  const blob = make(tag === Tag.File ? "File" : "Blob", [content], ...name, options) as Blob;
  reader.made?.(blob, content);
  blobsDecoded += 1;
  return blob;
}

/** The whole of a Blob stored beside the value, in the class and MIME type of the original. No bytes are copied. */
function blobBeside(reader: Reader, tag: Tag.AttachedBlob | Tag.AttachedFile): unknown {
  const file = tag === Tag.AttachedFile ? { name: reader.text(), lastModified: reader.float() } : undefined;
  const whole = reader.blob();
  const size = reader.varint();
  const type = reader.text();
  blobsDecoded += 1;
  if (file === undefined) return whole.slice(0, size, type);
  return make("File", [whole], file.name, { type, lastModified: file.lastModified });
}

/** An instance of a platform class. Throws TypeError if the platform lacks it. */
function make(name: string, ...parts: unknown[]): unknown {
  return new (globalThis as unknown as Record<string, Class>)[name]!(...parts);
}
