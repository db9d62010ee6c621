import { PatchStoreError } from "../base/errors.js";
import { WASM_WEIGHT } from "../bridge/blobs.js";
import type { ContentsPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";

/** Bytes that come through wasm at once; pieces are not divided. */
const AT_ONCE_BYTES = 4 * 1024 * 1024;
/** Pieces that are Blobs, and asked for at once. */
const BLOBS_AT_ONCE = 64;
/** Blobs that are checked at once. */
const CHECKS_AT_ONCE = 2;

/** A piece that was not checked: a Blob of its bytes, the seed of their checksum, and that. */
type Beside = [blob: Blob, seed: bigint, sum: bigint];
/** A piece: bytes that were checked, or a Blob of them. */
type Found = Uint8Array<ArrayBuffer> | Beside;

/** Reads the pieces of one content. */
export class Pieces {
  readonly size: number;
  readonly pieceBytes: number;
  readonly #own: Handle;
  readonly #port: ContentsPort;
  readonly #hash: string;

  constructor(own: Handle, port: ContentsPort, hash: string, [size, pieceBytes]: readonly [number, number]) {
    this.size = size;
    this.pieceBytes = pieceBytes;
    this.#own = own;
    this.#port = port;
    this.#hash = hash;
  }

  /** The bytes of a piece; undefined if the content has gone. Throws Corrupt. */
  async bytes(n: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const found = (await this.#read(n, n + 1))?.[0];
    return Array.isArray(found) ? this.#checked(n, found) : found;
  }

  /** All of it, each piece checked; undefined if it has gone. Throws Corrupt. */
  async all(): Promise<(Uint8Array<ArrayBuffer> | Blob)[] | undefined> {
    const count = Math.ceil(this.size / this.pieceBytes);
    const parts: (Uint8Array<ArrayBuffer> | Blob)[] = [];
    const unchecked: [n: number, found: Beside][] = [];
    const few = Math.max(1, Math.floor(AT_ONCE_BYTES / this.pieceBytes));
    for (let step = few; parts.length < count; ) {
      const some = await this.#read(parts.length, parts.length + step);
      if (some === undefined) return undefined;
      step = few;
      for (const found of some) {
        if (Array.isArray(found)) {
          unchecked.push([parts.length, found]);
          // They come without their bytes.
          step = BLOBS_AT_ONCE;
        }
        parts.push(Array.isArray(found) ? found[0] : found);
      }
    }
    const checks = unchecked.values();
    const check = async () => {
      for (const [n, found] of checks) await this.#checked(n, found);
    };
    await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, check));
    return parts;
  }

  #bytesOf(from: number, until: number): number {
    return Math.min(until * this.pieceBytes, this.size) - from * this.pieceBytes;
  }

  async #read(from: number, until: number): Promise<Found[] | undefined> {
    const bytes = Math.min(this.#bytesOf(from, until), AT_ONCE_BYTES);
    return this.#own.place.room.within(
      WASM_WEIGHT * bytes,
      () => this.#own.call(() => this.#port.pieces(this.#hash, from, until)) as Promise<Found[] | undefined>,
    );
  }

  #checked(n: number, [blob, seed, sum]: Beside): Promise<Uint8Array<ArrayBuffer>> {
    const expected = this.#bytesOf(n, n + 1);
    return this.#own.place.room.within(expected, async () => {
      const buffer = await blob.arrayBuffer().catch((cause: unknown) => {
        throw damaged("cannot be read", cause);
      });
      const bytes = new Uint8Array(buffer);
      if (bytes.length !== expected || !this.#own.now(() => this.#port.matches(bytes, seed, sum))) throw damaged("is damaged");
      return bytes;
    });
  }
}

function damaged(how: string, cause?: unknown): PatchStoreError {
  return new PatchStoreError("Corrupt", `a piece of a content ${how}`, cause === undefined ? {} : { cause });
}

/** A stream of a part of a content, which reads a piece when one is asked for. */
export function contentStream(pieces: Pieces, start: number, end: number): ReadableStream<Uint8Array> {
  const { pieceBytes } = pieces;
  let at = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (at >= end) return controller.close();
        const n = Math.floor(at / pieceBytes);
        const piece = await pieces.bytes(n);
        if (piece === undefined) throw new PatchStoreError("Conflict", "the content was collected while it was read");
        const part = piece.subarray(at - n * pieceBytes, end - n * pieceBytes);
        at += part.length;
        controller.enqueue(part.length === piece.length ? piece : part.slice());
        if (at >= end) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}
