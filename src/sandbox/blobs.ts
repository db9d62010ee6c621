import { abortable, throwIfAborted } from "../facade/base/abort.js";
import type { BlobRef } from "../facade/base/blob-ref.js";
import type { Blobs } from "../facade/base/types.js";
import { invalid } from "./failure.js";
import type { Link } from "./link.js";

/** The bytes of a message at most. */
const PIECE_BYTES = 1_044_480;

/** Contents that are put here, or whose references came over this port. */
export function blobsOf(link: Link): Pick<Blobs, "put" | "get" | "stream"> {
  const ask = (method: string, ...args: unknown[]) => link.call(`blobs.${method}`, null, args);
  const stream = async (blob: any, { start = 0, end = Infinity }: { start?: number; end?: number } = {}) => {
    if (!(end >= start)) throw invalid("range.end is below range.start");
    let at = start;
    const first = await ask("read", blob, at);
    const last = Math.min(end, Object(blob).size);
    let next: Promise<Uint8Array> = first;
    return first && new ReadableStream<Uint8Array>({
      async pull(controller) {
        const bytes = (await next)?.subarray(0, last - at);
        if (!bytes) throw invalid("the content is gone");
        at += bytes.length;
        if (bytes.length) controller.enqueue(bytes);
        if (at >= last || !bytes.length) return controller.close();
        next = ask("read", blob, at);
      },
    }, { highWaterMark: 0 });
  };
  return {
    stream,
    async get(blob) {
      const found = await stream(blob);
      return found && new Blob([await new Response(found).arrayBuffer()], { type: (blob as BlobRef).type });
    },
    async put(data: any, options: any = {}) {
      const { signal, onProgress } = options;
      throwIfAborted(signal);
      const stream = typeof data?.getReader === "function" ? data.getReader() : undefined;
      const isBytes = data instanceof ArrayBuffer || ArrayBuffer.isView(data);
      if (!stream && !isBytes && !(data instanceof Blob)) throw invalid("a blob is made of a Blob, of bytes or of a ReadableStream");
      const id = await ask("begin");
      try {
        let done = 0;
        for await (const chunk of stream ? read(stream, AbortSignal.any([link.ended.signal, ...(signal ? [signal] : [])])) : slices(new Blob([data]))) {
          await abortable(ask("piece", id, chunk), signal);
          onProgress?.((done += chunk.length));
        }
        return await ask("finish", id, options.type ?? (stream || isBytes ? "" : data.type), options.expect);
      } catch (error) {
        stream?.cancel(error).catch(() => {});
        ask("abandon", id).catch(() => {});
        throw error;
      }
    },
  };
}

async function* slices(blob: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += PIECE_BYTES) yield new Uint8Array(await blob.slice(at, at + PIECE_BYTES).arrayBuffer());
}

async function* read(reader: ReadableStreamDefaultReader<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let next; !(next = await abortable<any>(reader.read(), signal)).done; ) {
    for (let at = 0; at < next.value.length; at += PIECE_BYTES) yield next.value.slice(at, at + PIECE_BYTES);
  }
}
