import { PatchStoreError, type BlobRef, type DB, type Patch } from "../facade/index.js";

const VALUES = "values";
/** How often a value is looked for whose record is there and whose bytes are not. */
const MOST_LOOKS = 3;

/** A name that values are saved under. */
interface Named {
  readonly _id: string;
  /** How often it was saved, less how often released. */
  readonly count: number;
  readonly blob: BlobRef;
}

/** Values by opaque names. Their contents are blobs of the patch: one of equal bytes is stored once, and goes with its last name. */
export class Values {
  readonly #patch: Patch;
  readonly #db: DB;

  /** @param name of the store of the patch in which they are kept */
  constructor(patch: Patch, name: string) {
    this.#patch = patch;
    this.#db = patch.db(name);
  }

  async save(name: string, data: Uint8Array<ArrayBuffer>): Promise<void> {
    const blob = await this.#patch.blobs.put(data);
    await this.#db.modify<Named>(VALUES, name, (found) => {
      if (found !== null && found.blob.hash !== blob.hash) {
        throw new PatchStoreError("Exists", `the name ${JSON.stringify(name)} stands for other bytes`);
      }
      return found === null ? { count: 1, blob } : { ...found, count: found.count + 1 };
    });
  }

  async load(name: string): Promise<Uint8Array | undefined> {
    // (Another tab may have released it since its record was read, and saved it again.)
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      const found = await this.#db.findOne<Named>(VALUES, name);
      if (found === null) return undefined;
      const content = await this.#patch.blobs.get(found.blob);
      if (content !== undefined) return new Uint8Array(await content.arrayBuffer());
    }
    throw new PatchStoreError("Corrupt", `the bytes of the value ${JSON.stringify(name)} are missing`);
  }

  async release(name: string): Promise<void> {
    // (To leave an absent one absent, and to delete one, is the same answer.)
    await this.#db.modify<Named>(VALUES, name, (found) => (found !== null && found.count > 1 ? { ...found, count: found.count - 1 } : undefined));
  }
}
