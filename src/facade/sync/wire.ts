import { corrupt, invalid, PatchStoreError } from "../base/errors.js";
import { describe } from "../base/names.js";
import { decodeExact } from "../values/exact/decode.js";
import { encodeExact } from "../values/exact/encode.js";
import { contentOf, know } from "./contents.js";
import { rowOf, type Entry } from "./entries.js";

/*
 * Entries as bytes: "PSE", the version 1, a check (FNV-1a, 32 bits, little-endian, of what follows), then the list of
 * entries as a value in the exact form.
 */
const MAGIC = [0x50, 0x53, 0x45, 0x01] as const;
const HEAD_BYTES = 8;

/**
 * Entries as bytes for the wire, every storable value kept, 256 MiB at most. Blobs and Files of entries as this page or worker got
 * them from {@link OpLog.pending}, `records`, `watch` or {@link decodeEntries} go along: their content was read before. What cannot be
 * read now is NotStorable, with its path: a Blob that the caller has made, or got with an entry by `structuredClone` or `postMessage`; one
 * whose content could not be read, or of a list with Blobs of more than 256 MiB (ask for fewer entries at once).
 * @throws PatchStoreError code InvalidArgument | NotStorable | LimitExceeded
 */
export function encodeEntries(entries: Iterable<Entry>): Uint8Array {
  if (typeof (entries as Partial<typeof entries> | null)?.[Symbol.iterator] !== "function") {
    throw invalid(`entries must be iterable, not ${describe(entries)}`);
  }
  const list = [...entries].map((entry, at) => {
    rowOf(entry, `entries[${at}]`);
    const { op, target, key, value, hlc, expires, version } = entry;
    const { kind, scope, collection } = target;
    return {
      op,
      target: { kind, scope: "node" in scope ? { node: scope.node } : { name: scope.name }, ...given({ collection }) },
      key,
      ...(op === "PUT" ? { value } : {}),
      hlc,
      ...given({ expires, version }),
    };
  });
  const { encoded, gaps } = encodeExact(list, contentOf);
  if (gaps !== undefined) {
    const [, , path] = gaps[0] as (typeof gaps)[number];
    const message = `${path} is a Blob whose content is not known here: pass entries as pending(), records(), watch() or decodeEntries() gave them, fewer at once`;
    throw new PatchStoreError("NotStorable", message, { path });
  }
  const body = encoded as Uint8Array;
  const out = new Uint8Array(HEAD_BYTES + body.length);
  out.set(MAGIC);
  out.set(body, HEAD_BYTES);
  new DataView(out.buffer).setUint32(MAGIC.length, checkOf(body), true);
  return out;
}

/**
 * What {@link encodeEntries} has encoded. The content of Blobs is in memory twice as long as they are: so they can be sent on.
 * @throws PatchStoreError code Corrupt | InvalidArgument (not bytes) | UnsupportedFormat (of a later version)
 */
export function decodeEntries(bytes: Uint8Array): Entry[] {
  if (!(bytes instanceof Uint8Array) && Object.prototype.toString.call(bytes) !== "[object Uint8Array]") {
    throw invalid(`entries must be decoded from a Uint8Array, not from ${describe(bytes)}`);
  }
  const body = bytes.slice(HEAD_BYTES);
  const isOurs = bytes.length > HEAD_BYTES && MAGIC.slice(0, 3).every((byte, at) => bytes[at] === byte);
  if (!isOurs) throw corrupt("these bytes are no entries");
  if (bytes[3] !== MAGIC[3]) throw new PatchStoreError("UnsupportedFormat", "these entries are of a later version");
  const check = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  if (check !== checkOf(body)) throw corrupt("these entries have changed on their way");
  try {
    const list = decodeExact(body, [], know) as Entry[];
    list.forEach((entry, at) => rowOf(entry, `entries[${at}]`));
    return list;
  } catch (cause) {
    throw corrupt("these bytes do not hold entries", cause);
  }
}

function given<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Fowler, Noll, Vo: FNV-1a, 32 bits. */
function checkOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
