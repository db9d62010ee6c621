import { abortable, throwIfAborted } from "../base/abort.js";
import { hashText } from "../base/blob-ref.js";
import { invalid } from "../base/errors.js";
import type { PatchPort, UploadPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { piecesOf, type Chunks, type Source } from "./source.js";

/** Pieces that are being stored at once. */
const IN_FLIGHT = 4;

/** How a content is put. */
export interface Putting {
  readonly expect: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: ((bytes: number) => void) | undefined;
}

/** Puts a content; resolves to its hash and its size. */
export async function putContent(
  own: Handle,
  port: PatchPort,
  source: Source,
  putting: Putting,
): Promise<{ hash: string; size: number }> {
  const isHere = async (size: number) => Boolean(await own.call(() => port.contents().sized(size)));
  const digest = globalThis.crypto?.subtle?.digest.bind(crypto.subtle, "SHA-256");
  const hashed = source.bytes && digest ? async () => hashText(new Uint8Array(await digest(source.bytes))) : undefined;
  const size = source.bytes === undefined ? source.chunks.size : source.bytes.length;
  const upload = own.now(() => port.upload(hashed === undefined));
  try {
    // Most of what is put again is found by its size before anything is stored.
    if (size !== undefined && hashed && (await isHere(size))) {
      const hash = await abortable(hashed(), putting.signal);
      check(hash, putting);
      if ((await own.call(() => upload.touch(hash))) !== undefined) {
        putting.onProgress?.(size);
        return { hash, size };
      }
      return await stored(own, port, upload, source, putting, Promise.resolve(hash));
    }
    return await stored(own, port, upload, source, putting, hashed?.());
  } finally {
    upload.free();
  }
}

function check(hash: string, { expect }: Putting): void {
  if (expect !== undefined && hash !== expect) throw invalid(`the content has the hash ${hash}, not the expected ${expect}`);
}

/** Stores all pieces, and finishes. What fails leaves nothing. */
async function stored(
  own: Handle,
  port: PatchPort,
  upload: UploadPort,
  source: Source,
  putting: Putting,
  hashed: Promise<string> | undefined,
): Promise<{ hash: string; size: number }> {
  const { chunks } = source;
  // (It is awaited only at the end.)
  hashed?.catch(() => {});
  try {
    const size = await pieces(own, upload, chunks ?? whole(source.bytes), own.now(() => port.contents().pieceBytes()), putting);
    const hash = hashed === undefined ? (own.now(() => upload.hash()) as string) : await hashed;
    check(hash, putting);
    throwIfAborted(putting.signal);
    await own.call(() => upload.finish(hash));
    return { hash, size };
  } catch (error) {
    chunks?.cancel(error);
    // What is left over is found without its progress, later.
    await Promise.resolve(own.call(() => upload.abandon())).catch(() => {});
    throw error;
  }
}

function whole(bytes: Uint8Array): Chunks {
  let isDone = false;
  return {
    size: bytes.length,
    next: async () => (isDone ? undefined : ((isDone = true), bytes)),
    cancel: () => {},
  };
}

async function pieces(own: Handle, upload: UploadPort, chunks: Chunks, pieceBytes: number, putting: Putting): Promise<number> {
  const { signal, onProgress } = putting;
  const inFlight = new Set<Promise<void>>();
  let [size, failed]: [number, { error: unknown } | undefined] = [0, undefined];
  let done = 0;
  const each = piecesOf(chunks, pieceBytes);
  for (let next = await abortable(each.next(), signal); !next.done; next = await abortable(each.next(), signal)) {
    const bytes = next.value.length;
    size += bytes;
    const storing = Promise.resolve(own.call(() => upload.piece(next.value as Uint8Array)) as Promise<void>).then(
      () => onProgress?.((done += bytes)),
      (error: unknown) => void (failed ??= { error }),
    );
    inFlight.add(storing);
    void storing.then(() => inFlight.delete(storing), (error: unknown) => void (failed ??= { error }));
    if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
    if (failed !== undefined) break;
  }
  await Promise.allSettled(inFlight);
  if (failed !== undefined) throw (failed as { error: unknown }).error;
  return size;
}
