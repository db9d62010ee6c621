import { invalid } from "../base/errors.js";
import { crossing, describe, key as keyOf, name as nameOf } from "../base/names.js";
import type { OpLogEntry, Violation } from "../base/types.js";
import type { Row } from "../bridge/slices.js";
import { snapshot } from "../values/values.js";

/** An entry as other devices have it. */
export type Entry = Omit<OpLogEntry, "id">;

/** Items of an entry on its way out of wasm; see `bindings/op_log/entries.rs`. */
const ITEMS = 9;

/** Entries that came from wasm. */
export function entriesOf(flat: readonly unknown[]): OpLogEntry[] {
  const entries: OpLogEntry[] = [];
  for (let at = 0; at + ITEMS <= flat.length; at += ITEMS) {
    const [what, scope, collection, key, hlc, expires, id, version, value] = flat.slice(at, at + ITEMS) as string[];
    const [op, kind, of] = what as string;
    const isPut = op === "P";
    entries.push({
      ...(id === "" ? {} : { id: Number(id) }),
      op: isPut ? "PUT" : "REMOVE",
      target: {
        kind: kind === "k" ? "kv" : "db",
        scope: of === "n" ? { node: scope as string } : { name: scope as string },
        ...(kind === "d" ? { collection: collection as string } : {}),
      },
      key: key as string,
      ...(isPut ? { value } : {}),
      hlc: hlc as string,
      ...(expires === "" ? {} : { expires: Number(expires) }),
      ...(version === "" ? {} : { version: Number(version) }),
    } as OpLogEntry);
  }
  return entries;
}

/** What was broken, as wasm tells it; see `bindings/op_log/entries.rs`. */
export function violationsOf(flat: readonly string[]): Violation[] {
  const found: Violation[] = [];
  for (let at = 0; at + 5 <= flat.length; ) {
    const [what, scope, collection, key, count] = flat.slice(at, at + 5) as [string, string, string, string, string];
    at += 5;
    const [kind, of] = what;
    found.push({
      target: { kind: "db", scope: of === "n" ? { node: scope } : { name: scope }, collection },
      key,
      kind: kind === "u" ? "unique" : "reference",
      ids: flat.slice(at, (at += Number(count))),
    });
  }
  return found;
}

/** Entries on their way into wasm, each checked. Throws InvalidArgument with the place of one that is none. */
export function* entryRows(entries: Iterable<Entry>): Generator<Row> {
  let at = 0;
  for (const entry of entries) yield rowOf(entry, `entries[${at++}]`);
}

/** Checks an entry, and takes it as it is now. */
export function rowOf(entry: Entry, what: string): Row {
  if (typeof entry !== "object" || entry === null) throw invalid(`${what} must be an entry, not ${describe(entry)}`);
  const { op, target, key, value, hlc, expires, version } = entry;
  if (op !== "PUT" && op !== "REMOVE") throw invalid(`${what}.op must be "PUT" or "REMOVE"`);
  if (typeof target !== "object" || target === null) throw invalid(`${what}.target must be an object, not ${describe(target)}`);
  const { kind, scope, collection } = target;
  if (kind !== "kv" && kind !== "db") throw invalid(`${what}.target.kind must be "kv" or "db"`);
  const isNode = typeof (scope as { node?: unknown } | null | undefined)?.node === "string";
  const scopeName = isNode ? (scope as { node: string }).node : (scope as { name?: unknown } | null | undefined)?.name;
  const isDocument = kind === "db";
  if (!isDocument && collection !== undefined) throw invalid(`${what}.target.collection is for documents only`);
  if (typeof hlc !== "string") throw invalid(`${what}.hlc must be a string, not ${describe(hlc)}`);
  for (const [name, number] of [["expires", expires], ["version", version]] as const) {
    if (number !== undefined && !(Number.isSafeInteger(number) && number >= 0)) {
      throw invalid(`${what}.${name} must be a whole number, 0 or greater`);
    }
  }
  if (op === "PUT" && value === undefined) throw invalid(`${what}.value is missing`);
  return {
    keys: [
      `${op === "PUT" ? "P" : "R"}${isDocument ? "d" : "k"}${isNode ? "n" : "s"}`,
      nameOf(scopeName as string, `${what}.target.scope`),
      isDocument ? nameOf(collection as string, `${what}.target.collection`) : "",
      keyOf(key, `${what}.key`),
      crossing(hlc),
      expires === undefined ? "" : String(expires),
      version === undefined ? "" : String(version),
    ],
    ...snapshot(op === "PUT" ? value : null),
  };
}

