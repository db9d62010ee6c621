import { invalid } from "../base/errors.js";
import { databasePart } from "../base/names.js";

/** The default prefix of database names. */
const PREFIX = "patchstore_";

/** Checks the prefix of database names. */
export function prefixOf(prefix: unknown): string {
  return databasePart("options.prefix", prefix === undefined ? PREFIX : prefix);
}

/** The name of a patch's database: the prefix and the id. Throws InvalidArgument. */
export function databaseOf(id: unknown, prefix: unknown, what = "the id of a patch"): string {
  const part = databasePart(what, id);
  if (part === "") throw invalid(`${what} must not be empty`);
  return prefixOf(prefix) + part;
}
