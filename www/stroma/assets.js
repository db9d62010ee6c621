/** Files of references: stored once under their SHA-256, and as long as an asset holds them. */
import { STORE } from "./tables.js";

const SCHEME = "app-asset://blobs/";
const PDF = "application/pdf";
/** A PDF says so within its first bytes. */
const PDF_HEAD_BYTES = 1024;

/** Stores a PDF and a reference of it. Throws a TypeError for what is none. */
export async function importPdf(patch, file) {
  if (!(await file.slice(0, PDF_HEAD_BYTES).text()).includes("%PDF-")) throw new TypeError(`${file.name} is not a PDF`);
  return importFile(patch, file, { kind: "pdf", type: PDF });
}

/** Stores a file and a reference of it, whose `_id` it resolves to. First the bytes; then reference and asset, which holds them, in one commit. */
export async function importFile(patch, file, { kind, type = file.type, onProgress }) {
  const blob = await patch.blobs.put(file, { type, onProgress });
  return patch.transaction(async (tx) => {
    const db = tx.db(STORE);
    const reference_id = await db.insert("references", { type: kind, title: file.name.replace(/\.[a-z0-9]{1,5}$/i, "") });
    await db.insert("reference_assets", { reference_id, kind, ...stored(blob), metadata: { name: file.name } });
    return reference_id;
  });
}

const stored = (blob) => ({ uri: SCHEME + blob.hash, content_hash: blob.hash, byte_size: blob.size, file: blob });

/** The asset behind a uri; null when there is none. */
export const assetOf = (patch, uri) => patch.db(STORE).findOne("reference_assets", { uri });

/** Every content that the patch has, `{hash, size, held}`, with the assets that hold it as `uses`, each with its reference. */
export async function contents(patch) {
  const assets = await patch.db(STORE).find("reference_assets", {}, {
    include: { reference: { collection: "references", local: "reference_id", one: true, fields: ["title"] } },
  });
  const uses = new Map();
  for (const asset of assets) uses.set(asset.content_hash, [...(uses.get(asset.content_hash) ?? []), asset]);
  const found = [];
  for await (const content of patch.blobs.list()) found.push({ ...content, uses: uses.get(content.hash) ?? [] });
  return found;
}

/** Files that an older version has stored as bytes in pairs become contents; a file at a time, so that it may be interrupted. */
export async function takeInFiles(patch) {
  const old = patch.kv(STORE);
  for (const hash of await old.keys()) {
    const bytes = await old.get(hash);
    if (bytes === undefined) continue; // another tab was faster
    const blob = await patch.blobs.put(bytes, { type: PDF, expect: hash });
    await patch.transaction(async (tx) => {
      await tx.db(STORE).updateMany("reference_assets", { uri: SCHEME + hash }, { file: blob });
      await tx.kv(STORE).delete(hash);
    });
  }
}
