import { invalid, PatchStoreError } from "./base/errors.js";
import { describe } from "./base/names.js";

/** What goes into wasm at once, bytes: whatever a stream hands out, no more is held there. */
const PART_BYTES = 1 << 20;

/** Bytes in parts, from whatever has them. */
export interface Source {
  /** The next ones; undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** No more are wanted. */
  end(isWhole: boolean): void;
}

/** Checks what was given. Throws InvalidArgument. */
export function sourceOf(source: unknown): Source {
  const kind = Object.prototype.toString.call(source);
  if (kind === "[object ReadableStream]") return ofStream(source as ReadableStream<unknown>);
  if (kind === "[object Blob]" || kind === "[object File]") return ofBlob(source as Blob);
  if (ArrayBuffer.isView(source)) return ofBytes(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
  if (kind === "[object ArrayBuffer]" || kind === "[object SharedArrayBuffer]") return ofBytes(new Uint8Array(source as ArrayBuffer));
  throw invalid(`the archive must be a ReadableStream, a Blob or bytes, not ${describe(source)}`);
}

function ofBytes(bytes: Uint8Array): Source {
  let at = 0;
  return {
    async next() {
      if (at >= bytes.length) return undefined;
      return bytes.subarray(at, (at += PART_BYTES));
    },
    end() {},
  };
}

function ofBlob(blob: Blob): Source {
  let at = 0;
  return {
    async next() {
      if (at >= blob.size) return undefined;
      try {
        return new Uint8Array(await blob.slice(at, (at += PART_BYTES)).arrayBuffer());
      } catch (cause) {
        throw new PatchStoreError("Unavailable", `the archive could not be read: ${String(cause)}`, { cause });
      }
    },
    end() {},
  };
}

function ofStream(stream: ReadableStream<unknown>): Source {
  if (stream.locked) throw invalid("the archive is a stream that somebody else reads");
  const reader = stream.getReader();
  let rest: Source | undefined;
  return {
    async next() {
      for (;;) {
        const bytes = await rest?.next();
        if (bytes !== undefined) return bytes;
        const { done, value } = await reader.read();
        if (done) return undefined;
        if (!ArrayBuffer.isView(value)) throw invalid(`the archive is a stream of ${describe(value)}, not of bytes`);
        rest = ofBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      }
    },
    end(isWhole) {
      if (!isWhole) reader.cancel().catch(() => {});
      else reader.releaseLock();
    },
  };
}
