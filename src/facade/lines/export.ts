import { known, signalOf } from "../base/options.js";
import { throwIfAborted } from "../base/abort.js";
import type { ExportLinesOptions } from "../base/lines.js";
import { CHUNK_BYTES } from "./bounds.js";
import { lineOf } from "./encode.js";

/** An object that becomes a line, and what names it in an error. */
export type Exported = readonly [object: object, what: string];

/** Checks the options of an export. */
export function exportSignal(options: ExportLinesOptions | undefined): AbortSignal | undefined {
  return signalOf("options.signal", known("options", options, ["signal"]).signal);
}

/** A stream of the lines of what `objects` gives. Asks for nothing until somebody reads, and for no more than is read. */
export function streamOf(objects: AsyncIterator<Exported>, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const lines: Uint8Array[] = [];
        for (let bytes = 0; bytes < CHUNK_BYTES; ) {
          throwIfAborted(signal);
          const { done, value } = await objects.next();
          if (done) break;
          const line = await lineOf(...(value as Exported));
          lines.push(line);
          bytes += line.length + 1;
        }
        if (lines.length > 0) controller.enqueue(ended(lines));
        // Whoever reads on is told of the end then.
        else controller.close();
      },
      async cancel() {
        await objects.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The lines, each with a line feed. */
function ended(lines: readonly Uint8Array[]): Uint8Array {
  const chunk = new Uint8Array(lines.reduce((sum, line) => sum + line.length + 1, 0)).fill(10);
  let at = 0;
  for (const line of lines) {
    chunk.set(line, at);
    at += line.length + 1;
  }
  return chunk;
}
