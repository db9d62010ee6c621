import { invalid } from "../base/errors.js";
import { exceeded, within } from "../base/limits.js";
import { crossing, describe, name } from "../base/names.js";
import { bool, func, known, oneOf } from "../base/options.js";
import type { BuildOptions, CollectionDefinition, CreateIndexOptions, IndexInfo } from "../base/types.js";
import type { DbPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { paths } from "../values/find.js";
import { tell } from "./watch.js";

/** The most indexes, references and sequences of a collection, each. */
const MAX_PARTS = 64;
/** The most fields of an index, as in wasm. */
const MAX_INDEX_FIELDS = 8;

/** What the store sets itself. */
const OWN = ["_id", "_created", "_updated"];
const ON_DELETE = ["restrict", "cascade", "set-null"] as const;

/** What is defined of the collections of one store. */
export class Definitions {
  readonly #handle: Handle;
  readonly #port: DbPort;

  constructor(handle: Handle, port: DbPort) {
    this.#handle = handle;
    this.#port = port;
  }

  async createIndex(collection: string, fields: string | string[], options?: CreateIndexOptions): Promise<void> {
    const c = name(collection, "collection name");
    const over = fieldsOf("fields", fields).map(crossing);
    const { unique, multi, onProgress } = known("options", options, ["unique", "multi", "onProgress"]);
    const hear = hearing(onProgress);
    const isUnique = bool("options.unique", unique);
    const isMulti = bool("options.multi", multi);
    return this.#handle.call(() => this.#port.createIndex(c, over, isUnique, isMulti, hear)) as Promise<void>;
  }

  async dropIndex(collection: string, fields: string | string[]): Promise<boolean> {
    const c = name(collection, "collection name");
    const over = fieldsOf("fields", fields).map(crossing);
    return this.#handle.call(() => this.#port.dropIndex(c, over)) as Promise<boolean>;
  }

  async indexes(collection: string): Promise<IndexInfo[]> {
    const c = name(collection, "collection name");
    const found = (await this.#handle.call(() => this.#port.indexes(c))) as [string[], boolean, boolean][];
    return found.map(([fields, unique, multi]) => ({ fields, unique, multi }));
  }

  async define(collection: string, definition: CollectionDefinition, options?: BuildOptions): Promise<void> {
    const c = name(collection, "collection name");
    const encoded = JSON.stringify(definitionOf(definition));
    const hear = hearing(known("options", options, ["onProgress"]).onProgress);
    return this.#handle.call(() => this.#port.define(c, encoded, hear)) as Promise<void>;
  }
}

/** What wasm calls to tell of progress. Throws InvalidArgument. */
function hearing(onProgress: BuildOptions["onProgress"]): ((documents: number) => void) | undefined {
  if (onProgress === undefined) return undefined;
  func("options.onProgress", onProgress);
  // This runs inside wasm, and the listener may call back into it only after wasm has returned.
  return (documents) => queueMicrotask(() => tell(onProgress, documents));
}

/** A checked copy of a definition, with nothing left out. */
function definitionOf(definition: CollectionDefinition): object {
  if (definition === undefined) throw invalid("definition must be an object, not undefined");
  const { indexes, references, sequences } = known("definition", definition, ["indexes", "references", "sequences"]);
  if (indexes !== undefined && !Array.isArray(indexes)) {
    throw invalid(`definition.indexes must be an array, not ${describe(indexes)}`);
  }
  within("definition.indexes", indexes?.length ?? 0, MAX_PARTS, "indexes");
  return {
    indexes: (indexes ?? []).map((index, at) => {
      const what = `definition.indexes[${at}]`;
      const { fields, unique, multi } = known(what, index, ["fields", "unique", "multi"]);
      return {
        fields: fieldsOf(`${what}.fields`, fields),
        unique: bool(`${what}.unique`, unique),
        multi: bool(`${what}.multi`, multi),
      };
    }),
    references: parts("definition.references", references, (what, reference, field) => {
      const { collection, onDelete } = known(what, reference, ["collection", "onDelete"]);
      name(collection, `${what}.collection`);
      if (onDelete === "set-null" && OWN.includes(field)) throw invalid(`${what}: ${field} cannot become null`);
      return { collection, onDelete: oneOf(`${what}.onDelete`, onDelete, ON_DELETE, "restrict") };
    }),
    sequences: parts("definition.sequences", sequences, (what, sequence, field) => {
      if (OWN.includes(field)) throw invalid(`${what}: ${field} cannot be numbered`);
      const { per } = known(what, sequence, ["per"]);
      return per === undefined ? {} : { per: fieldOf(`${what}.per`, per) };
    }),
  };
}

/** Checks each part of a record. */
function parts<T>(what: string, record: Record<string, T> | undefined, part: (what: string, of: T, field: string) => object): object {
  if (record === undefined) return {};
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    throw invalid(`${what} must be an object, not ${describe(record)}`);
  }
  const all = Object.entries(record);
  within(what, all.length, MAX_PARTS, "fields");
  const path = paths(what);
  return Object.fromEntries(
    all.map(([field, of]) => {
      if (of === undefined || of === null) throw invalid(`${what}.${field} must be an object, not ${describe(of)}`);
      return [path(field), part(`${what}.${field}`, of, field)];
    }),
  );
}

function fieldsOf(what: string, fields: unknown): string[] {
  if (typeof fields === "string") return [fieldOf(what, fields)];
  if (!Array.isArray(fields)) throw invalid(`${what} must be a string or an array, not ${describe(fields)}`);
  if (fields.length === 0) throw invalid(`${what} must name a field`);
  if (fields.length > MAX_INDEX_FIELDS) throw exceeded(what, fields.length, MAX_INDEX_FIELDS, "fields");
  return fields.map((field: unknown, at) => fieldOf(`${what}[${at}]`, field));
}

function fieldOf(what: string, field: unknown): string {
  if (typeof field !== "string") throw invalid(`${what} must be a string, not ${describe(field)}`);
  return paths(what)(field);
}
