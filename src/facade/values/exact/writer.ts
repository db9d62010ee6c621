import { allocating, exceeded, MAX_VALUE_BYTES } from "../../base/limits.js";
import type { PatchStoreError } from "../../base/errors.js";
import { isWellFormed } from "../../base/names.js";
import { hashBytes } from "../../base/blob-ref.js";
import { EXACT, EXACT_ATTACHED, EXACT_BOTH, EXACT_CITING, EXACT_VERSION, Tag } from "./form.js";

const START_BYTES = 16 * 1024;
/** Shorter ASCII strings are encoded here; all others by the platform's encoder. */
const SHORT_UNITS = 64;
const MAX_INTEGER = 2 ** 53;

/** A buffer kept for the next value: allocating one costs more than filling it. */
let spare: Uint8Array<ArrayBuffer> | undefined;

/** Writes one value in the exact form, depth first. */
export class Writer {
  #out = spare ?? new Uint8Array(START_BYTES);
  #view = new DataView(this.#out.buffer);
  #at = 0;

  constructor() {
    // User code that runs while a value is read, such as a getter, may encode another value: do not share the buffer.
    spare = undefined;
    this.byte(EXACT);
    this.byte(EXACT_VERSION);
  }

  /** The error that stopped the writer, if the value is too large. */
  excess: PatchStoreError | undefined;

  /** Marks the value as having Blobs stored beside it. */
  attached(): void {
    this.#out[1] = (this.#out[1] as number) >= EXACT_CITING ? EXACT_BOTH : EXACT_ATTACHED;
  }

  /** Writes a reference to a content. */
  blobRef(hash: string, size: number, type: string): void {
    const is = this.#out[1];
    this.#out[1] = is === EXACT_ATTACHED || is === EXACT_BOTH ? EXACT_BOTH : EXACT_CITING;
    this.byte(Tag.BlobRef);
    this.bytes(hashBytes(hash));
    this.varint(size);
    this.text(type);
  }

  /** Bytes written so far. */
  get position(): number {
    return this.#at;
  }

  /** Returns the bytes written. Do not use the writer afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.#out.length > START_BYTES) return this.#out.subarray(0, this.#at);
    spare = this.#out;
    return this.#out.slice(0, this.#at);
  }

  byte(byte: number): void {
    this.#room(1);
    this.#out[this.#at++] = byte;
  }

  /** Writes LEB128. */
  varint(value: number): void {
    this.#room(10);
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#out[this.#at++] = (rest % 128) + 128;
    this.#out[this.#at++] = rest;
  }

  number(value: number): void {
    if (Number.isInteger(value) && Math.abs(value) <= MAX_INTEGER && !Object.is(value, -0)) {
      // Zigzag, with the lowest bit kept apart: twice such a number may not be a safe integer.
      const half = value < 0 ? -value - 1 : value;
      const low = (half % 64) * 2 + (value < 0 ? 1 : 0);
      const high = Math.floor(half / 64);
      this.byte(Tag.Integer);
      this.byte(high > 0 ? low + 128 : low);
      if (high > 0) this.varint(high);
    } else {
      this.byte(Tag.Number);
      this.float(value);
    }
  }

  float(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  bigint(value: bigint): void {
    const digits = (value < 0n ? -value : value).toString(16);
    this.byte(Tag.BigInt);
    this.byte(value < 0n ? 1 : 0);
    const length = value === 0n ? 0 : Math.ceil(digits.length / 2);
    this.varint(length);
    this.#room(length);
    for (let end = digits.length, left = length; left > 0; left--, end -= 2) {
      this.#out[this.#at++] = Number.parseInt(digits.slice(Math.max(0, end - 2), end), 16);
    }
  }

  bytes(content: Uint8Array): void {
    this.#room(content.length);
    this.#out.set(content, this.#at);
    this.#at += content.length;
  }

  /** Reserves space, filled with zeros, for bytes that are written later. */
  zeros(length: number): void {
    this.#room(length);
    this.#out.fill(0, this.#at, (this.#at += length));
  }

  /** Writes a length and a string in WTF-8. */
  text(text: string): void {
    const { length } = text;
    if (length >= SHORT_UNITS) return this.#longText(text);
    this.#room(length + 1);
    const out = this.#out;
    let at = this.#at;
    out[at++] = length;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 127) return this.#longText(text);
      out[at++] = unit;
    }
    this.#at = at;
  }

  #longText(text: string): void {
    // The encoded length is not known in advance. Start with the string's length, which is usually right.
    const before = this.#at;
    this.varint(text.length);
    const start = this.#at;
    if (isWellFormed(text)) this.#utf8(text);
    else this.#wtf8(text);
    const written = this.#at - start;
    const shift = varintBytes(written) - varintBytes(text.length);
    if (shift > 0) {
      this.#room(shift);
      this.#out.copyWithin(start + shift, start, this.#at);
    }
    const end = this.#at + shift;
    this.#at = before;
    this.varint(written);
    this.#at = end;
  }

  #utf8(text: string): void {
    const encoder = new TextEncoder();
    this.#room(text.length);
    for (let from = 0; ; ) {
      const rest = from === 0 ? text : text.slice(from);
      const { read, written } = encoder.encodeInto(rest, this.#out.subarray(this.#at));
      from += read;
      this.#at += written;
      if (from === text.length) return;
      this.#room((text.length - from) * 3);
    }
  }

  #wtf8(text: string): void {
    this.#room(text.length * 3);
    for (const character of text) {
      const code = character.codePointAt(0) as number;
      if (code < 0x80) {
        this.#out[this.#at++] = code;
        continue;
      }
      const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
      this.#out[this.#at++] = ((0xff00 >> (more + 1)) & 0xff) | (code >> (6 * more));
      for (let shift = 6 * (more - 1); shift >= 0; shift -= 6) {
        this.#out[this.#at++] = 0x80 | ((code >> shift) & 0x3f);
      }
    }
  }

  #room(bytes: number): void {
    if (this.#at + bytes > this.#out.length) this.#grow(bytes);
  }

  #taken(wanted: number, length: number): Uint8Array<ArrayBuffer> {
    try {
      return allocating(wanted, () => new Uint8Array(length));
    } catch (error) {
      throw (this.excess = error as PatchStoreError);
    }
  }

  #grow(bytes: number): void {
    const wanted = this.#at + bytes;
    if (wanted > MAX_VALUE_BYTES) throw (this.excess = exceeded("a value (at least)", wanted, MAX_VALUE_BYTES));
    const grown = this.#taken(wanted, Math.max(wanted, Math.min(2 * this.#out.length, MAX_VALUE_BYTES)));
    grown.set(this.#out);
    this.#out = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
