import { Shape, shapeOf } from "../facade/base/shape.js";
import type { StandardSchemaV1 } from "../facade/base/standard-schema.js";
import type { Collection } from "../facade/base/types.js";
import { atOnce, isPromise, split, validator } from "../facade/base/validate.js";
import { argument, cloned, copy } from "./copy.js";
import { failure } from "./failure.js";
import type { CallOptions, Link } from "./link.js";

/** The writes of one collection, validated here: inside of the host's own write where that reads what is there. */
export function validated(
  link: Link,
  store: string | null,
  name: string,
  schema: StandardSchemaV1,
  bare: (options: unknown) => unknown,
  changing: (change: unknown) => (old: unknown) => unknown,
): Partial<Collection<any>> {
  const validate = validator(schema, failure);
  const now = atOnce(validate, failure);
  const send = (method: string, args: unknown[], options?: CallOptions) => link.call(`db.${method}`, store, args, options);
  const isPlain = (value: unknown): value is object => shapeOf(value) === Shape.Object;

  // (What is no plain object is left to the host, which refuses it.)
  const finish = (output: unknown, meta: object): unknown => copy(isPlain(output) ? { ...meta, ...split(output).bare } : output);
  const accept = (doc: unknown): unknown => {
    const taken = cloned(copy(doc));
    if (!isPlain(taken)) return taken;
    const { bare, meta } = split(taken);
    const output = validate(bare);
    return isPromise(output) ? Promise.resolve(output).then((made) => finish(made, meta)) : finish(output, meta);
  };
  const checks: CallOptions = { change: (docs: object[]) => docs.map(now) };

  return {
    async insert(doc) {
      return link.hold("db.insert", store, accept(doc), (made) => [[name, made]]);
    },
    async replace(id, doc) {
      const key = argument(id);
      return link.hold("db.replace", store, accept(doc), (made) => [[name, key, made]]);
    },
    async insertMany(docs, options) {
      const rows = typeof docs?.[Symbol.iterator] === "function" ? Array.from(docs, accept) : undefined;
      const ready = rows?.some(isPromise) ? Promise.all(rows) : rows;
      const given = bare(options);
      return link.hold("db.insertMany", store, ready, (rows) => [[name, rows, given], { rows: rows as unknown[] }]);
    },
    async modify(id, change) {
      const make = changing(change);
      const made = (old: unknown): unknown => {
        const doc = make(old);
        return isPlain(doc) ? now(split(doc).bare) : doc;
      };
      return send("modify", [name, argument(id)], { change: made });
    },
    async update(id, changes, options) {
      return send("update", [name, argument(id), copy(changes), bare(options), true], checks);
    },
    async upsert(doc, options) {
      return send("upsert", [name, copy(doc), bare(options), true], checks);
    },
    async updateMany(query, changes, options) {
      return send("updateMany", [name, argument(query), copy(changes), bare(options), true], checks);
    },
  };
}
