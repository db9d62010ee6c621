import { invalid } from "../base/errors.js";
import { describe } from "../base/names.js";
import { Shape } from "../base/shape.js";
import { readableShapeOf } from "../values/query.js";
import { snapshot } from "../values/values.js";
import type { Snapshot } from "../values/snapshot.js";

/** Throws InvalidArgument for what is no object at all; the encoder refuses objects that are not plain. */
export function plain(doc: unknown, what: string): object {
  const shape = readableShapeOf(doc);
  if (shape !== Shape.Object && (shape !== Shape.Refused || typeof doc !== "object")) {
    throw invalid(`${what} must be a plain object, not ${describe(doc)}`);
  }
  return doc as object;
}

/** Checks that a document is a plain object, and encodes it as it is now. */
export function document(doc: unknown, what: string): Snapshot {
  return snapshot(plain(doc, what));
}

/** The documents of a batch, each taken when it is asked for; `row` makes an item of each. */
export function* documentRows<T>(docs: Iterable<object>, row: (taken: Snapshot) => T): Generator<T> {
  if (typeof (docs as Partial<typeof docs> | null)?.[Symbol.iterator] !== "function") {
    throw invalid(`docs must be iterable, not ${describe(docs)}`);
  }
  let at = 0;
  for (const doc of docs) yield row(document(doc, `docs[${at++}]`));
}
