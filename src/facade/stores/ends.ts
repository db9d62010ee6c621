import { invalid } from "../base/errors.js";
import { describe } from "../base/names.js";
import { valueAt } from "../values/paths.js";
import { refused } from "../values/query.js";

/** Where a page has ended, for wasm: the mark of its last document, or what is known of any other object. */
export type After = { readonly id: string } & ({ readonly mark: string } | { readonly values: unknown[] });

/** What a mark belongs to: a sort of a collection. */
export interface Place {
  readonly patch: object;
  readonly scope: string;
  readonly collection: string;
  readonly sort: readonly string[];
  readonly descending: Uint8Array;
}

interface End {
  readonly id: string;
  readonly mark: string;
  readonly place: Place;
}

/** The marks of the documents that were the last ones of a result, by the objects that were handed out. */
const ends = new WeakMap<object, End>();

/** Takes the mark out of a result of wasm, and keeps it for its last document. */
export function withoutMark(found: unknown[], place: Place): unknown[] {
  const mark = found.pop();
  const last = found.at(-1) as { readonly _id: string } | undefined;
  if (last !== undefined) ends.set(last, { id: last._id, mark: mark as string, place });
  return found;
}

/** Where to go on behind `after`. Throws InvalidArgument. */
export function endAt(after: object, place: Place): After {
  const end = ends.get(after);
  if (end !== undefined && isSame(end.place, place)) return { id: end.id, mark: end.mark };
  return refused("options.after", () => {
    const id = valueAt(after, "_id");
    if (typeof id !== "string") throw invalid(`options.after must be a document: its _id is a string, not ${describe(id)}`);
    return { id, values: place.sort.map((path) => valueAt(after, path)) };
  });
}

function isSame(a: Place, b: Place): boolean {
  return (
    a.patch === b.patch &&
    a.scope === b.scope &&
    a.collection === b.collection &&
    a.sort.length === b.sort.length &&
    a.sort.every((path, at) => path === b.sort[at] && a.descending[at] === b.descending[at])
  );
}
