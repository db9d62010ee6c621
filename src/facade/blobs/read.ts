import { PatchStoreError } from "../base/errors.js";
import type { ContentsPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";

/** Pieces that are read at once. */
const AT_ONCE = 8;

type Part = Uint8Array<ArrayBuffer>;

const read = async (own: Handle, port: ContentsPort, hash: string, from: number, until: number): Promise<Part[] | undefined> =>
  (await own.call(() => port.pieces(hash, from, until))) as Part[] | undefined;

/** All pieces of a content, each checked; undefined if it has gone. */
export async function partsOf(own: Handle, port: ContentsPort, hash: string, size: number): Promise<Part[] | undefined> {
  const count = Math.ceil(size / own.now(() => port.pieceBytes()));
  const parts: Part[] = [];
  // The next ones are on their way while these are taken out.
  let ahead = read(own, port, hash, 0, AT_ONCE);
  for (let at = 0; at < count; at += AT_ONCE) {
    const some = await ahead;
    if (at + AT_ONCE < count) ahead = read(own, port, hash, at + AT_ONCE, at + 2 * AT_ONCE);
    if (some === undefined) return undefined;
    parts.push(...some);
  }
  await ahead;
  return parts;
}

/** A stream of a part of a content, which reads a piece when one is asked for. */
export function contentStream(handle: Handle, port: ContentsPort, hash: string, start: number, end: number): ReadableStream<Uint8Array> {
  const pieceBytes = handle.now(() => port.pieceBytes());
  let at = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (at >= end) return controller.close();
        const n = Math.floor(at / pieceBytes);
        const found = await read(handle, port, hash, n, n + 1);
        const piece = found?.[0];
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
