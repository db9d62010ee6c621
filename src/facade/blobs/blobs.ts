import { throwIfAborted } from "../base/abort.js";
import { BlobRef, isBlobRef, isHash, makeRef } from "../base/blob-ref.js";
import { closed, invalid } from "../base/errors.js";
import { describe } from "../base/names.js";
import { func, known, signalOf, whole } from "../base/options.js";
import type { Blobs } from "../base/types.js";
import type { ContentsPort, PatchPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { putContent } from "./put.js";
import { contentStream, Pieces } from "./read.js";
import { sourceOf } from "./source.js";

const MAX_TYPE_UNITS = 1_000;

/** The hash that a caller means. Throws InvalidArgument. */
export function hashOf(blob: unknown): string {
  if (typeof blob === "object" && blob !== null && isBlobRef(blob)) return blob.hash;
  if (isHash(blob)) return blob;
  throw invalid(`a blob is named by a BlobRef or by its hash, 64 lower-case hex digits, not by ${describe(blob)}`);
}

const typeOf = (blob: unknown): string => (typeof blob === "object" ? (blob as BlobRef).type : "");

/** What can be asked about contents, in a patch and in a transaction. */
export class Contents {
  protected readonly handle: Handle;
  protected readonly port: ContentsPort;

  constructor(handle: Handle, port: ContentsPort) {
    this.handle = handle;
    this.port = port;
  }

  async has(blob: BlobRef | string): Promise<boolean> {
    return (await this.size(hashOf(blob))) !== undefined;
  }

  async stat(blob: BlobRef | string): Promise<{ size: number; held: boolean } | undefined> {
    const hash = hashOf(blob);
    const [size, held] = await Promise.all([this.size(hash), this.handle.call(() => this.port.held(hash)) as Promise<boolean | undefined>]);
    return size === undefined || held === undefined ? undefined : { size, held };
  }

  protected async size(hash: string): Promise<number | undefined> {
    return (await this.shape(hash))?.[0];
  }

  /** The size of a content and that of its pieces, in bytes. */
  protected async shape(hash: string): Promise<[number, number] | undefined> {
    return (await this.handle.call(() => this.port.shape(hash))) as [number, number] | undefined;
  }
}

/** The contents of a patch. */
export class PatchBlobs extends Contents implements Blobs {
  readonly #patch: PatchPort;
  readonly #urls = new Map<string, Promise<string | undefined>>();

  constructor(handle: Handle, patch: PatchPort) {
    super(handle, handle.now(() => patch.contents()));
    this.#patch = patch;
    handle.atEnd(() => {
      for (const hash of this.#urls.keys()) this.#forget(hash);
    });
  }

  async put(
    data: Blob | BufferSource | ReadableStream<Uint8Array>,
    options?: { type?: string; expect?: string; signal?: AbortSignal; onProgress?: (bytes: number) => void },
  ): Promise<BlobRef> {
    const given = known("options", options, ["type", "expect", "signal", "onProgress"]);
    const { expect, onProgress } = given;
    if (expect !== undefined && !isHash(expect)) throw invalid("options.expect must be 64 lower-case hex digits");
    if (onProgress !== undefined) func("options.onProgress", onProgress);
    const signal = signalOf("options.signal", given.signal);
    throwIfAborted(signal);
    this.handle.check();
    const source = sourceOf(data);
    const named = mediaType(given.type ?? blobType(data));
    const ended = new AbortController();
    const forget = this.handle.atEnd(() => ended.abort(closed("the patch")));
    const either = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
    try {
      const { hash, size } = await this.handle.steps(async (own) =>
        putContent(own, this.#patch, source, { expect, signal: either, onProgress }),
      );
      return makeRef(hash, size, named);
    } finally {
      forget();
    }
  }

  async ref(hash: string): Promise<BlobRef | undefined> {
    const size = await this.size(hashOf(hash));
    return size === undefined ? undefined : makeRef(hashOf(hash), size, "");
  }

  async get(blob: BlobRef | string): Promise<Blob | undefined> {
    const [hash, type] = [hashOf(blob), typeOf(blob)];
    const shape = await this.shape(hash);
    if (shape === undefined) return undefined;
    const parts = await this.handle.steps((own) => new Pieces(own, this.port, hash, shape).all());
    return parts && new Blob(parts, { type });
  }

  async stream(
    blob: BlobRef | string,
    range?: { start?: number; end?: number },
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const hash = hashOf(blob);
    const given = known("range", range, ["start", "end"]);
    const start = whole("range.start", given.start, 0);
    const end = whole("range.end", given.end, Infinity);
    if (end < start) throw invalid("range.end must not be below range.start");
    const shape = await this.shape(hash);
    if (shape === undefined) return undefined;
    const [size] = shape;
    return contentStream(new Pieces(this.handle, this.port, hash, shape), Math.min(start, size), Math.min(end, size));
  }

  url(blob: BlobRef | string): Promise<string | undefined> {
    return this.#url(blob);
  }

  async #url(blob: BlobRef | string): Promise<string | undefined> {
    const hash = hashOf(blob);
    this.handle.check();
    let url = this.#urls.get(hash);
    if (url === undefined) {
      url = this.get(blob).then((found) => found && URL.createObjectURL(found));
      this.#urls.set(hash, url);
      const drop = () => {
        if (this.#urls.get(hash) === url) this.#urls.delete(hash);
      };
      url.then((made) => made ?? drop(), drop);
    }
    return url;
  }

  revoke(blob: BlobRef | string): void {
    this.#forget(hashOf(blob));
  }

  #forget(hash: string): void {
    const url = this.#urls.get(hash);
    this.#urls.delete(hash);
    url?.then((made) => made !== undefined && URL.revokeObjectURL(made), () => {});
  }

  list(): AsyncIterableIterator<{ hash: string; size: number; held: boolean }> {
    this.handle.check();
    return this.#list();
  }

  async *#list(): AsyncGenerator<{ hash: string; size: number; held: boolean }, undefined> {
    let after: string | undefined;
    for (;;) {
      const flat = (await this.handle.call(() => this.port.list(after))) as unknown[];
      for (let at = 0; at < flat.length; at += 3) {
        const [hash, size, held] = flat.slice(at, at + 3) as [string, number, boolean];
        yield { hash, size, held };
        after = hash;
      }
      if (flat.length === 0) return undefined;
    }
  }
}

function blobType(data: unknown): string {
  return typeof Blob === "function" && data instanceof Blob ? data.type : "";
}

function mediaType(type: unknown): string {
  if (typeof type === "string" && type.length <= MAX_TYPE_UNITS) return type;
  throw invalid(`options.type must be a string of at most ${MAX_TYPE_UNITS} units`);
}
