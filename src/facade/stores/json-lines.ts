import { part } from "../bridge/later.js";
import type { Exported } from "../lines/export.js";

type Later = typeof import("./later-lines.js");

export const linesPart = (): Promise<Later> => part("lines.js", () => import("./later-lines.js"));

/**
 * A stream of the lines of what `objects` gives. Asks for nothing until somebody reads, and for no more than is read.
 * @param objects makes it, once something is read
 * @param unread lets go of what it would have been made of, where nothing is read
 */
export function lazyLines(objects: (part: Later) => AsyncIterator<Exported>, signal: AbortSignal | undefined, unread: () => unknown = () => {}): ReadableStream<Uint8Array> {
  let made: AsyncIterator<Exported> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const later = await linesPart();
        made ??= objects(later);
        const chunk = await later.chunkOf(made, signal);
        if (chunk !== undefined) controller.enqueue(chunk);
        // Whoever reads on is told of the end then.
        else controller.close();
      },
      async cancel() {
        await (made === undefined ? unread() : made.return?.());
      },
    },
    { highWaterMark: 0 },
  );
}
