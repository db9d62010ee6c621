import { abortable, throwIfAborted } from "../base/abort.js";
import { hashText } from "../base/blob-ref.js";
import { invalid } from "../base/errors.js";
import { WASM_WEIGHT } from "../bridge/blobs.js";
import type { PatchPort, UploadPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { bytesOf, piecesOf, type Chunks, type Source } from "./source.js";

/** From so many bytes on, a Blob has those of a piece, where the storage takes Blobs. */
const BESIDE_BYTES = 256 * 1024;

/** How a content is put. */
export interface Putting {
  readonly expect: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: ((bytes: number) => void) | undefined;
}

/** A content that is being put. */
interface Storing {
  readonly own: Handle;
  readonly upload: UploadPort;
  readonly isBeside: boolean;
  /** Whether room was taken for all of it. */
  readonly isInRoom: boolean;
  readonly putting: Putting;
  /** Bytes that are stored. */
  done: number;
}

interface Put {
  readonly hash: string;
  readonly size: number;
}

/** Puts a content; resolves to its hash and its size. */
export async function putContent(own: Handle, port: PatchPort, source: Source, putting: Putting): Promise<Put> {
  if (!("blob" in source)) return put(own, port, source, putting, false);
  const { blob } = source;
  const isBeside = blob.size >= BESIDE_BYTES && (await own.place.takes());
  const giveBack = await roomFor(own, blob.size, isBeside, putting);
  try {
    const bytes = await abortable(bytesOf(blob), putting.signal);
    return await put(own, port, { bytes }, putting, true);
  } finally {
    giveBack();
  }
}

async function put(own: Handle, port: PatchPort, source: Exclude<Source, { blob: Blob }>, putting: Putting, isInRoom: boolean): Promise<Put> {
  const bytes = "bytes" in source ? source.bytes : undefined;
  const digest = globalThis.crypto?.subtle?.digest.bind(crypto.subtle, "SHA-256");
  const hashing = bytes && digest && digest(bytes).then((hash) => hashText(new Uint8Array(hash)));
  // (It is awaited later.)
  hashing?.catch(() => {});
  // Most of what is put again is found by its size before anything is stored.
  if (hashing && (await own.call(() => port.contents().sized(bytes.length)))) {
    const hash = await abortable(hashing, putting.signal);
    if (await isHere(own, port, hash, putting)) return { hash, size: bytes.length };
  }
  const chunks = "chunks" in source ? source.chunks : wholeOf(source.bytes);
  const isBeside = (chunks.size ?? BESIDE_BYTES) >= BESIDE_BYTES && (await own.place.takes());
  const upload = own.now(() => port.upload(hashing === undefined, isBeside));
  const storing = { own, upload, isBeside, isInRoom, putting, done: 0 };
  try {
    return hashing && bytes.length > 0 && bytes.length <= upload.pieceBytes()
      ? await storedAtOnce(storing, bytes, hashing)
      : await stored(storing, chunks, hashing);
  } catch (error) {
    chunks.cancel(error);
    // What is left over is found without its progress, later.
    await Promise.resolve(own.call(() => upload.abandon())).catch(() => {});
    throw error;
  } finally {
    upload.free();
  }
}

function check(hash: string, { expect }: Putting): void {
  if (expect !== undefined && hash !== expect) throw invalid(`the content has the hash ${hash}, not the expected ${expect}`);
}

/** Whether a content is here; it is kept for an hour then. */
async function isHere(own: Handle, port: PatchPort, hash: string, putting: Putting): Promise<boolean> {
  check(hash, putting);
  const upload = own.now(() => port.upload(false, false));
  try {
    const size = await own.call(() => upload.touch(hash));
    if (size !== undefined) putting.onProgress?.(size);
    return size !== undefined;
  } finally {
    upload.free();
  }
}

/** Stores what has one piece and finishes, in one commit. */
async function storedAtOnce(storing: Storing, bytes: Uint8Array, hashing: Promise<string>): Promise<Put> {
  const { upload, putting } = storing;
  const hash = await abortable(hashing, putting.signal);
  check(hash, putting);
  const giveBack = await roomOf(storing, bytes);
  await inRoom(storing, bytes, giveBack, (blob) => upload.whole(hash, bytes, blob));
  return { hash, size: bytes.length };
}

/** Stores all pieces, and finishes. */
async function stored(storing: Storing, chunks: Chunks, hashing: Promise<string> | undefined): Promise<Put> {
  const { own, upload, putting } = storing;
  const size = await pieces(storing, chunks);
  const hash = hashing === undefined ? (own.now(() => upload.hash()) as string) : await hashing;
  check(hash, putting);
  throwIfAborted(putting.signal);
  await own.call(() => upload.finish(hash));
  return { hash, size };
}

function wholeOf(bytes: Uint8Array): Chunks {
  let isDone = false;
  return {
    size: bytes.length,
    next: async () => (isDone ? undefined : ((isDone = true), bytes)),
    cancel: () => {},
  };
}

async function pieces(storing: Storing, chunks: Chunks): Promise<number> {
  const { upload, putting } = storing;
  const inFlight = new Set<Promise<void>>();
  let [size, failed]: [number, { error: unknown } | undefined] = [0, undefined];
  const each = piecesOf(chunks, upload.pieceBytes());
  for (;;) {
    const { done, value: bytes } = await abortable(each.next(), putting.signal);
    if (done || failed !== undefined) break;
    size += bytes.length;
    const giveBack = await roomOf(storing, bytes);
    // (From here on to the call into wasm nothing waits: the next piece may lie where this one did.)
    const underWay = inRoom(storing, bytes, giveBack, (blob) => upload.piece(bytes, blob))
      .catch((error: unknown) => void (failed ??= { error }))
      .finally(() => inFlight.delete(underWay));
    inFlight.add(underWay);
  }
  await Promise.all(inFlight);
  if (failed !== undefined) throw (failed as { error: unknown }).error;
  return size;
}

const hasBlob = ({ isBeside }: Storing, bytes: Uint8Array): boolean => isBeside && bytes.length >= BESIDE_BYTES;

/** Waits until there is room for so many bytes, beside the wasm or in it; resolves to what gives it back. */
async function roomFor(own: Handle, bytes: number, isBeside: boolean, { signal }: Putting): Promise<() => void> {
  const taking = own.place.room.take((isBeside ? 1 : WASM_WEIGHT) * bytes);
  try {
    return await abortable(taking, signal);
  } catch (error) {
    void taking.then((giveBack) => giveBack());
    throw error;
  }
}

/** The same, for a piece. */
async function roomOf(storing: Storing, bytes: Uint8Array): Promise<() => void> {
  const { own, putting, isInRoom } = storing;
  return isInRoom ? () => {} : roomFor(own, bytes.length, hasBlob(storing, bytes), putting);
}

/** Stores a piece, for which room was taken, and tells of the progress. */
async function inRoom(
  storing: Storing,
  bytes: Uint8Array,
  giveBack: () => void,
  store: (blob: Blob | undefined) => Promise<void>,
): Promise<void> {
  try {
    const blob = hasBlob(storing, bytes) ? new Blob([bytes as Uint8Array<ArrayBuffer>]) : undefined;
    await storing.own.call(() => store(blob));
  } finally {
    giveBack();
  }
  storing.putting.onProgress?.((storing.done += bytes.length));
}
