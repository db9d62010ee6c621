import { throwIfAborted } from "../base/abort.js";
import { CHUNK_BYTES } from "./bounds.js";
import { lineOf } from "./encode.js";

/** An object that becomes a line, and what names it in an error. */
export type Exported = readonly [object: object, what: string];

/** The next lines of what `objects` gives, for one chunk of a stream; undefined at the end. */
export async function chunkOf(objects: AsyncIterator<Exported>, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
  const lines: Uint8Array[] = [];
  for (let bytes = 0; bytes < CHUNK_BYTES; ) {
    throwIfAborted(signal);
    const { done, value } = await objects.next();
    if (done) break;
    const line = await lineOf(...(value as Exported));
    lines.push(line);
    bytes += line.length + 1;
  }
  return lines.length > 0 ? ended(lines) : undefined;
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
