/**
 * References to contents in messages. A structured clone makes a plain object of a {@link BlobRef}; so a message ends in the
 * list of those in it, which stay the same objects as those inside the value. Also part of the sandbox's client.
 */
import { anyRefs, BlobRef, isBlobRef } from "../base/blob-ref.js";
import { isPlain } from "../base/shape.js";

/** The parts of a container, without the holes of an array; undefined for any other value. */
function partsOf(value: object): unknown[] | undefined {
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  return Array.isArray(value) || isPlain(value) ? Object.values(value) : undefined;
}

/** Calls `visit` for every object within a value, once each, on no more of the stack. */
function walk(root: unknown, visit: (value: object) => void): void {
  const open = [root];
  const seen = new Set<unknown>();
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    visit(value);
    for (const part of partsOf(value) ?? []) if (typeof part === "object") open.push(part);
  }
}

/** The references in a value; undefined if there are none. */
export function refsIn(value: unknown): BlobRef[] | undefined {
  if (!anyRefs()) return undefined;
  const found: BlobRef[] = [];
  walk(value, (each) => isBlobRef(each) && found.push(each));
  return found.length > 0 ? found : undefined;
}

/** Puts references, in place, where their clones are in a value that has arrived; the value. Throws InvalidArgument.
 *  @param refs the list that came with it, if any */
export function revived<T>(value: T, refs: unknown): T {
  if (!Array.isArray(refs)) return value;
  const made = new Map<unknown, BlobRef>(refs.map((each: any) => [each, BlobRef.from(each)]));
  const of = (part: unknown) => made.get(part) ?? part;
  walk(value, (each) => {
    if (made.has(each)) return;
    if (each instanceof Map || each instanceof Set) {
      const parts: any[] = [...each];
      each.clear();
      for (const part of parts) each instanceof Map ? each.set(of(part[0]), of(part[1])) : each.add(of(part));
    } else if (partsOf(each)) {
      for (const [name, part] of Object.entries(each)) if (made.has(part)) (each as any)[name] = of(part);
    }
  });
  return of(value) as T;
}
