import { invalid } from "../base/errors.js";
import { databasePart } from "../base/names.js";

/** What the names of databases begin with, unless the caller says otherwise. */
const PREFIX = "patchstore_";

/** The checked prefix of databases' names. */
export function prefixOf(prefix: unknown): string {
  return databasePart("options.prefix", prefix === undefined ? PREFIX : prefix);
}

/** The name of the database of a patch. */
export function databaseOf(id: unknown, prefix: unknown, what = "the id of a patch"): string {
  const part = databasePart(what, id);
  if (part === "") throw invalid(`${what} must not be empty`);
  return prefixOf(prefix) + part;
}
