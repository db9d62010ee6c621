import { exceeded } from "../base/limits.js";
import { invalid, PatchStoreError } from "../base/errors.js";
import { describe, isWellFormed } from "../base/names.js";
import { Shape, shapeOf, viewBytes } from "../base/shape.js";
import type { LinesSource } from "../base/lines.js";
import { MAX_LINE_BYTES } from "./bounds.js";

const LINE_FEED = 10;

/** A line that is not blank, with its number among all lines, from 1 up. */
export interface Line {
  readonly number: number;
  readonly text: string;
  readonly bytes: number;
}

/** Reads a source chunk by chunk. */
export interface Chunks {
  /** undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Says that nothing more is wanted, and why. */
  cancel(reason: unknown): void;
}

/** The chunks of a source. Throws InvalidArgument for what is none. */
export function chunksOf(source: LinesSource): Chunks {
  if (typeof source === "string") {
    // (A Blob would have other characters in their place.)
    if (!isWellFormed(source)) throw invalid("source has lone surrogates, which JSON escapes");
    return of(new Blob([source]).stream());
  }
  const shape = shapeOf(source);
  if (shape === Shape.Blob || shape === Shape.File) return of((source as Blob).stream());
  if (shape === Shape.ArrayBuffer) return once(new Uint8Array(source as ArrayBuffer));
  if (shape === Shape.View) return once(viewBytes(source as ArrayBufferView));
  if (typeof (source as Partial<ReadableStream> | null)?.getReader !== "function") {
    throw invalid(`source must be a ReadableStream, a Blob, bytes or a string, not ${describe(source)}`);
  }
  return of(source as ReadableStream<Uint8Array>);
}

function once(bytes: Uint8Array): Chunks {
  let left: Uint8Array | undefined = bytes;
  return {
    async next() {
      const chunk = left;
      left = undefined;
      return chunk;
    },
    cancel() {},
  };
}

function of(stream: ReadableStream<Uint8Array>): Chunks {
  let reader: ReadableStreamDefaultReader<unknown>;
  try {
    reader = stream.getReader();
  } catch (cause) {
    throw new PatchStoreError("InvalidArgument", "source is a stream that somebody else reads", { cause });
  }
  return {
    async next() {
      const { done, value } = await reader.read();
      if (done) return undefined;
      // (Bytes of another realm are bytes.)
      if (shapeOf(value) === Shape.View) return viewBytes(value as ArrayBufferView);
      throw invalid(`source must be a stream of bytes: a chunk is ${describe(value)}`);
    },
    cancel(reason) {
      reader.cancel(reason).catch(() => {});
    },
  };
}

/** The lines of a source. A byte that ends a line is no part of a character in UTF-8, so that it does not matter where chunks end. */
export class Lines {
  readonly #chunks: Chunks;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** The start of a line, in parts. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  /** What was read, and not looked through yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #isAtEnd = false;
  #read = 0;

  constructor(chunks: Chunks) {
    this.#chunks = chunks;
  }

  /** The number of the line that was read last, or that could not be read. */
  get at(): number {
    return this.#read;
  }

  /** The next line that is not blank; undefined at the end. */
  async next(): Promise<Line | undefined> {
    for (;;) {
      this.#read += 1;
      const bytes = await this.#bytes();
      if (bytes === undefined) {
        this.#read -= 1;
        return undefined;
      }
      const text = this.#textOf(bytes);
      if (text.trim() !== "") return { number: this.#read, text, bytes: bytes.length };
    }
  }

  #textOf(bytes: Uint8Array): string {
    let text: string;
    try {
      text = this.#utf8.decode(bytes);
    } catch (cause) {
      throw new PatchStoreError("InvalidArgument", "it is not in UTF-8", { cause });
    }
    return this.#read === 1 && text.startsWith("\uFEFF") ? text.slice(1) : text;
  }

  /** The bytes up to the next line feed, or to the end. */
  async #bytes(): Promise<Uint8Array | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(LINE_FEED);
      const part = end < 0 ? this.#rest : this.#rest.subarray(0, end);
      this.#partBytes += part.length;
      if (this.#partBytes > MAX_LINE_BYTES) throw exceeded("it (at least)", this.#partBytes, MAX_LINE_BYTES);
      if (part.length > 0) this.#parts.push(part);
      this.#rest = end < 0 ? this.#rest.subarray(this.#rest.length) : this.#rest.subarray(end + 1);
      if (end >= 0) return this.#taken();
      if (this.#isAtEnd) return this.#partBytes === 0 ? undefined : this.#taken();
      const chunk = await this.#chunks.next();
      if (chunk === undefined) this.#isAtEnd = true;
      else this.#rest = chunk;
    }
  }

  #taken(): Uint8Array {
    const parts = this.#parts;
    const [first = new Uint8Array(0)] = parts;
    const bytes = parts.length < 2 ? first : joined(parts, this.#partBytes);
    this.#parts = [];
    this.#partBytes = 0;
    return bytes;
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
