import type { BlobRef } from "../base/blob-ref.js";
import { denied } from "./grant.js";
import { revived } from "./refs.js";

/** References that a sandbox may name: it has to read its record again for one that it got longer ago. */
const MAX_KNOWN = 65_536;
/** References in one message. */
const MAX_REFS = 10_000;

/**
 * The contents of which a sandbox got references over its port. It may name no others, be they there or not: neither to read them
 * nor to store a reference to them, which it could then read back.
 */
export class KnownRefs {
  readonly #hashes = new Set<string>();

  add(refs: readonly BlobRef[]): void {
    for (const { hash } of refs) {
      this.#hashes.delete(hash);
      this.#hashes.add(hash);
    }
    for (const oldest of this.#hashes) {
      if (this.#hashes.size <= MAX_KNOWN) break;
      this.#hashes.delete(oldest);
    }
  }

  /** A value that has arrived, with its references. Throws AccessDenied or InvalidArgument.
   *  @param refs the list that came with it */
  admit<T>(value: T, refs: unknown): T {
    if (refs === undefined) return value;
    if (!Array.isArray(refs) || refs.length > MAX_REFS) throw denied("a message with so many references");
    for (const ref of refs as unknown[]) {
      if (!this.#hashes.has((ref as { hash?: string } | null)?.hash ?? "")) throw denied("a content that did not come over this port");
    }
    return revived(value, refs);
  }
}
