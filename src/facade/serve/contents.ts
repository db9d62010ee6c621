import { isBlobRef, isHash, makeRef } from "../base/blob-ref.js";
import { invalid } from "../base/errors.js";
import { whole } from "../base/options.js";
import { Shape, shapeOf, viewBytes } from "../base/shape.js";
import { Pieces } from "../blobs/read.js";
import { Cutter } from "../blobs/source.js";
import type { PatchPort, UploadPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { denied, exceeded, type Permit } from "./grant.js";

/** What a sandbox puts at once. */
const MAX_UPLOADS = 4;
const MAX_TYPE_UNITS = 1_000;
/** Bytes of a content in one message. */
const MESSAGE_BYTES = 1024 * 1024;

interface Upload {
  readonly port: UploadPort;
  readonly cutter: Cutter;
  bytes: number;
}

/** The contents of a patch, as a sandbox sees them: what it has put, and what references came to it of. */
export class SandboxContents {
  readonly #handle: Handle;
  readonly #port: PatchPort;
  readonly #permit: Permit;
  readonly #uploads = new Map<unknown, Upload>();
  #last = 0;
  /** The piece that is being read, in several messages. */
  #kept: { hash: string; n: number; bytes: Uint8Array | undefined } | undefined;

  constructor(handle: Handle, port: PatchPort, permit: Permit) {
    this.#handle = handle;
    this.#port = port;
    this.#permit = permit;
  }

  /** @param name one of the method table's */
  run(name: string, [first, second, third]: unknown[]): unknown {
    switch (name) {
      case "read":
        return this.#read(first, second);
      case "begin":
        return this.#begin();
      case "piece":
        return this.#piece(first, second);
      case "finish":
        return this.#finish(first, second, third);
      default:
        return this.#abandon(first);
    }
  }

  /** Gives up what is being put. Where the patch has ended, too, that is left to those who collect. */
  end(): void {
    for (const id of [...this.#uploads.keys()]) void this.#abandon(id).catch(() => {});
  }

  /** Some bytes of a content from `at` on, within a piece; none at its end, undefined if it is not here. */
  async #read(blob: unknown, at: unknown): Promise<Uint8Array | undefined> {
    if (typeof blob !== "object" || blob === null || !isBlobRef(blob)) throw denied("a content without a reference");
    const from = whole("the place in a content", at, 0);
    const { hash } = blob;
    const contents = this.#handle.now(() => this.#port.contents());
    const shape = (await this.#handle.call(() => contents.shape(hash))) as [number, number] | undefined;
    if (shape === undefined || from >= shape[0]) return shape && new Uint8Array();
    const [, pieceBytes] = shape;
    const n = Math.floor(from / pieceBytes);
    let read = this.#kept;
    if (read?.hash !== hash || read.n !== n) {
      read = { hash, n, bytes: await new Pieces(this.#handle, contents, hash, shape).bytes(n) };
    }
    const start = from - n * pieceBytes;
    const some = read.bytes?.slice(start, start + MESSAGE_BYTES);
    // Most are read on to their end; then nothing is kept.
    this.#kept = start + MESSAGE_BYTES < (read.bytes?.length ?? 0) ? read : undefined;
    return some;
  }

  #begin(): number {
    if (this.#uploads.size >= MAX_UPLOADS) throw exceeded(`${MAX_UPLOADS + 1} contents put at once; the limit is ${MAX_UPLOADS}`);
    // (Whether it is here already is not told by how long it takes.)
    const port = this.#handle.now(() => this.#port.upload(true, false));
    this.#uploads.set(++this.#last, { port, cutter: new Cutter(port.pieceBytes()), bytes: 0 });
    return this.#last;
  }

  #of(id: unknown): Upload {
    const upload = this.#uploads.get(id);
    if (upload === undefined) throw invalid("nothing is put under this number");
    return upload;
  }

  async #piece(id: unknown, bytes: unknown): Promise<void> {
    const upload = this.#of(id);
    if (shapeOf(bytes) !== Shape.View) throw invalid("a piece consists of bytes");
    const piece = viewBytes(bytes as ArrayBufferView);
    upload.bytes += piece.length;
    const { maxValueBytes } = this.#permit;
    if (upload.bytes > maxValueBytes) throw exceeded(`a content of at least ${upload.bytes} bytes; the limit is ${maxValueBytes}`);
    for (const full of upload.cutter.cut(piece)) await this.#handle.call(() => upload.port.piece(full, undefined));
  }

  async #finish(id: unknown, type: unknown, expect: unknown): Promise<unknown> {
    const { port, cutter, bytes } = this.#of(id);
    if (typeof type !== "string" || type.length > MAX_TYPE_UNITS) throw invalid(`a type is a string of at most ${MAX_TYPE_UNITS} units`);
    if (expect !== undefined && !isHash(expect)) throw invalid("options.expect must be 64 lower-case hex digits");
    const rest = cutter.rest();
    if (rest) await this.#handle.call(() => port.piece(rest, undefined));
    const hash = this.#handle.now(() => port.hash());
    if (hash === undefined) throw invalid("it has been put");
    if (expect !== undefined && expect !== hash) {
      await this.#abandon(id);
      throw invalid(`the content has the hash ${hash}, not the expected ${expect}`);
    }
    await this.#handle.call(() => port.finish(hash));
    this.#uploads.delete(id);
    port.free();
    return makeRef(hash, bytes, type);
  }

  async #abandon(id: unknown): Promise<void> {
    const upload = this.#uploads.get(id);
    if (!this.#uploads.delete(id) || upload === undefined) return;
    try {
      await this.#handle.call(() => upload.port.abandon());
    } finally {
      upload.port.free();
    }
  }
}
