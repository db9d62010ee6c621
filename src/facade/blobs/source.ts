import { invalid, PatchStoreError } from "../base/errors.js";
import { allocating } from "../base/limits.js";
import { describe } from "../base/names.js";
import { Shape, viewBytes } from "../base/shape.js";
import { readableShapeOf } from "../values/query.js";

/** A Blob up to this size is read as a whole: then the platform can hash it. */
const WHOLE_BYTES = 32 * 1024 * 1024;

/** What is to be put: bytes in memory that nobody else can change, a Blob that is to be read as a whole, or bytes that come piece by
 *  piece. */
export type Source = Bytes | { readonly blob: Blob } | { readonly chunks: Chunks };
type Bytes = { readonly bytes: Uint8Array<ArrayBuffer> };

/** Bytes in the order of their arrival. */
export interface Chunks {
  /** The next ones, of any number; undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Ends it early. */
  cancel(reason: unknown): void;
  /** How many there will be, if that is known. */
  readonly size: number | undefined;
}

/** Takes what is to be put as it is now. Throws InvalidArgument. */
export function sourceOf(data: unknown): Source {
  const shape = readableShapeOf(data);
  if (shape === Shape.ArrayBuffer) return { bytes: copied(new Uint8Array(data as ArrayBuffer)) };
  if (shape === Shape.View) return { bytes: copied(viewBytes(data as ArrayBufferView)) };
  if (shape === Shape.Blob || shape === Shape.File) {
    const blob = data as Blob;
    return blob.size > WHOLE_BYTES ? { chunks: slices(blob) } : { blob };
  }
  if (isStream(data)) return { chunks: read(data) };
  throw invalid(`a blob is made of a Blob, of bytes or of a ReadableStream, not of ${describe(data)}`);
}

function copied(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return allocating(bytes.length, () => new Uint8Array(bytes));
}

function isStream(data: unknown): data is ReadableStream<unknown> {
  return typeof data === "object" && data !== null && typeof (data as ReadableStream).getReader === "function";
}

/** The bytes of a Blob. Throws NotStorable. */
export async function bytesOf(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    throw new PatchStoreError("NotStorable", "the Blob could not be read", { cause });
  }
}

function slices(blob: Blob): Chunks {
  let at = 0;
  return {
    size: blob.size,
    next: async () => {
      if (at >= blob.size) return undefined;
      return bytesOf(blob.slice(at, (at += 4 * 1024 * 1024)));
    },
    cancel: () => {},
  };
}

/** Throws InvalidArgument for a stream that is locked. */
function read(stream: ReadableStream<unknown>): Chunks {
  let reader: ReadableStreamDefaultReader<unknown>;
  try {
    reader = stream.getReader();
  } catch (cause) {
    throw Object.assign(invalid("the stream is being read already"), { cause });
  }
  return {
    size: undefined,
    next: async () => {
      const { done, value } = await reader.read();
      if (done) return undefined;
      if (readableShapeOf(value) === Shape.View) return viewBytes(value as ArrayBufferView);
      throw invalid(`a stream of a blob gives views of bytes, not ${describe(value)}`);
    },
    cancel: (reason) => void reader.cancel(reason).catch(() => {}),
  };
}

/** What is kept of a piece at first, bytes: many may be begun at once. */
const FIRST_BYTES = 64 * 1024;

/** Cuts chunks of any size into pieces of one size, of which the last may be shorter. */
export class Cutter {
  readonly #pieceBytes: number;
  #piece = new Uint8Array(0);
  #filled = 0;

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** The pieces that a chunk fills. Each is to be copied before the next one is asked for. */
  *cut(chunk: Uint8Array): Generator<Uint8Array, void> {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + this.#pieceBytes - this.#filled);
      at += part.length;
      if (part.length === this.#pieceBytes) {
        yield part;
        continue;
      }
      this.#add(part);
      if (this.#filled < this.#pieceBytes) return;
      this.#filled = 0;
      yield this.#piece;
    }
  }

  #add(part: Uint8Array): void {
    const filled = this.#filled + part.length;
    if (filled > this.#piece.length) {
      const before = this.#piece.subarray(0, this.#filled);
      const size = Math.min(this.#pieceBytes, Math.max(2 * filled, FIRST_BYTES));
      this.#piece = allocating(size, () => new Uint8Array(size));
      this.#piece.set(before);
    }
    this.#piece.set(part, this.#filled);
    this.#filled = filled;
  }

  /** What is left for the last piece; undefined if nothing is. */
  rest(): Uint8Array | undefined {
    return this.#filled > 0 ? this.#piece.subarray(0, this.#filled) : undefined;
  }
}

/** The pieces of what comes in chunks. Each is to be copied before the next one is asked for. */
export async function* piecesOf(chunks: Chunks, pieceBytes: number): AsyncGenerator<Uint8Array, void> {
  const cutter = new Cutter(pieceBytes);
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) yield* cutter.cut(chunk);
  const rest = cutter.rest();
  if (rest) yield rest;
}
