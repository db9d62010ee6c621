import { PatchStoreError } from "../../base/errors.js";
import { NAME_BYTES } from "./form.js";

/** ASCII strings up to this length are decoded here; all others by the platform's decoder. */
const SHORT_BYTES = 24;
/** The size of the cache of property names, which the documents of a collection share. */
const MAX_NAMES = 1024;
const names: string[] = [];

let utf8: TextDecoder | undefined;

const charOf = String.fromCharCode;

/** Reads the elements of the exact form. Throws Corrupt if an element is missing or malformed. */
export class Reader {
  /** Told of each Blob that is made of bytes that were read. */
  made: ((blob: Blob, content: Uint8Array) => void) | undefined;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #beside: readonly Blob[];
  #nextBeside = 0;
  #at = 0;
  #end = 0;

  /** @param beside the Blobs stored beside the values, in order */
  constructor(bytes: Uint8Array, beside: readonly Blob[]) {
    this.#bytes = bytes;
    this.#beside = beside;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Continues with the bytes from `at` to `end`. */
  turnTo(at: number, end: number): void {
    this.#at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  /** Skips a Blob's name and returns the next of the Blobs stored beside the values. */
  blob(): Blob {
    this.#take(NAME_BYTES);
    const blob = this.#beside[this.#nextBeside++];
    if (blob === undefined) throw damaged("it lacks a Blob");
    return blob;
  }

  byte(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  /** Reads LEB128. Exact up to 2^53. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 56; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw damaged("a number is too long");
  }

  integer(): number {
    // Zigzag, with the lowest bit kept apart: twice such a number may not be a safe integer.
    const low = this.byte();
    const half = ((low & 127) >> 1) + (low < 128 ? 0 : this.varint() * 64);
    return low & 1 ? -half - 1 : half;
  }

  float(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** Reads a length and copies that many bytes. */
  bytes(): Uint8Array<ArrayBuffer> {
    const length = this.varint();
    const at = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  /** A view of that many bytes. */
  fixed(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(): string {
    const length = this.varint();
    const at = this.#take(length);
    return (length <= SHORT_BYTES ? this.#ascii(at, length) : undefined) ?? this.#long(at, length);
  }

  /** Reads a property name, through the cache of names. */
  name(): string {
    const before = this.#at;
    const length = this.varint();
    const at = this.#take(length);
    const bytes = this.#bytes;
    const place = (length * 31 + (bytes[at] as number) * 7 + (bytes[at + length - 1] as number) * 131 + (bytes[at + (length >> 1)] as number)) % MAX_NAMES;
    const known = names[place];
    if (known !== undefined && known.length === length && this.#is(known, at)) return known;
    this.#at = before;
    const name = this.text();
    if (length <= SHORT_BYTES) names[place] = name;
    return name;
  }

  #is(text: string, at: number): boolean {
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 127 || unit !== this.#bytes[at + index]) return false;
    }
    return true;
  }

  #ascii(at: number, length: number): string | undefined {
    const b = this.#bytes;
    let [text, next, all] = ["", at, 0];
    const end = at + length;
    for (; next + 4 <= end; next += 4) {
      const [p, q, r, s] = [b[next], b[next + 1], b[next + 2], b[next + 3]] as [number, number, number, number];
      all |= p | q | r | s;
      text += charOf(p, q, r, s);
    }
    for (; next < end; next++) {
      const unit = b[next] as number;
      all |= unit;
      text += charOf(unit);
    }
    return all < 128 ? text : undefined;
  }

  #long(at: number, length: number): string {
    const bytes = this.#bytes.subarray(at, at + length);
    try {
      return (utf8 ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })).decode(bytes);
    } catch {
      return wtf8(bytes);
    }
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw damaged("it is truncated");
    this.#at = at + length;
    return at;
  }
}

/** Decodes WTF-8: UTF-8 that also encodes lone surrogates. */
function wtf8(bytes: Uint8Array): string {
  const characters: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at++] as number;
    const more = lead < 0x80 ? 0 : lead < 0xc0 ? NaN : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf8 ? 3 : NaN;
    let code = more === 0 ? lead : lead & (0x3f >> more);
    if (Number.isNaN(more) || at + more > bytes.length) throw damaged("a text is not well-formed");
    for (const end = at + more; at < end; at++) {
      const next = bytes[at] as number;
      if (next >> 6 !== 2) throw damaged("a text is not well-formed");
      code = (code << 6) | (next & 0x3f);
    }
    if (code > 0x10ffff) throw damaged("a text is not well-formed");
    characters.push(String.fromCodePoint(code));
  }
  return characters.join("");
}

export function damaged(why: string): PatchStoreError {
  return new PatchStoreError("Corrupt", `a stored value is damaged: ${why}`);
}
