/** References to contents. Also part of the sandbox's client, so it imports nothing. */

/** The bytes of a SHA-256. */
export const HASH_BYTES = 32;
/** The longest type of a reference, in UTF-16 units. */
const MAX_TYPE_UNITS = 1_000;

const HASH = /^[0-9a-f]{64}$/;

let invalid = (message: string): Error => new Error(message);

/** Has a bundle's own errors thrown: what is here may import nothing. */
export function refuseBy(error: (message: string) => Error): void {
  invalid = error;
}

/** The realm's own factory: the constructor is not for callers. */
let make: (hash: string, size: number, type: string) => BlobRef;
/** (No private member: whoever has the types of two copies of the package may mix them.) */
const made = new WeakSet<object>();
let any = false;

/**
 * A reference to a content of a patch: a value like any other, in pairs, in documents, at any depth. The content lives as
 * long as any record holds one.
 */
export class BlobRef {
  /** SHA-256 of the content, lower-case hex. */
  declare readonly hash: string;
  /** The size of the content, in bytes. */
  declare readonly size: number;
  /** MIME type, as put; not part of the identity of the content. */
  declare readonly type: string;
  private constructor(hash: string, size: number, type: string) {
    // Own properties: they go through JSON and structured clones.
    Object.assign(this, { hash, size, type });
    made.add(Object.freeze(this));
    any = true;
  }

  static {
    make = (hash, size, type) => new BlobRef(hash, size, type);
  }

  /** Restores one that was cloned or came as JSON. Throws InvalidArgument for anything else. */
  static from(like: { hash: string; size: number; type: string }): BlobRef {
    const { hash, size, type } = Object(like) as { hash: unknown; size: unknown; type: unknown };
    const isOne = isHash(hash) && Number.isSafeInteger(size) && (size as number) >= 0 && typeof type === "string" && type.length <= MAX_TYPE_UNITS;
    if (!isOne) throw invalid(`a BlobRef has a hash of 64 lower-case hex digits, a size in bytes and a type of at most ${MAX_TYPE_UNITS} units`);
    return make(hash, size as number, type);
  }
}

/** One of what is known to be valid. */
export const makeRef = (hash: string, size: number, type: string): BlobRef => make(hash, size, type);

/** Whether a value is one, made by this package in this realm. */
export const isBlobRef = (value: object): value is BlobRef => made.has(value);

/** Whether there are any in this realm. */
export const anyRefs = (): boolean => any;

/** Whether a text is a hash. */
export const isHash = (value: unknown): value is string => typeof value === "string" && HASH.test(value);

/** The text of a hash. */
export function hashText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += (byte < 16 ? "0" : "") + byte.toString(16);
  return text;
}

/** The bytes of a hash. */
export function hashBytes(text: string): Uint8Array {
  return Uint8Array.from({ length: HASH_BYTES }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}
