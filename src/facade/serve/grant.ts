import { invalid, PatchStoreError } from "../base/errors.js";
import { name } from "../base/names.js";
import { bool, known, oneOf, whole } from "../base/options.js";
import type { Grant } from "../base/types.js";

const MAX_VALUE_BYTES = 64 * 1024 * 1024;
/** No grant can exceed this: a larger value and its copies would not fit into wasm's memory. */
const CEILING_BYTES = 256 * 1024 * 1024;
const MAX_IN_FLIGHT = 10_000;

/** A checked grant. */
export interface Permit {
  /** Encoded for wasm by `crossing`. */
  readonly node: string;
  readonly stores: ReadonlySet<unknown> | "*";
  readonly writes: boolean;
  readonly define: boolean;
  readonly regex: boolean;
  readonly maxValueBytes: number;
  readonly maxInFlight: number;
}

/** Checks a grant and takes a copy, so later changes have no effect. Throws InvalidArgument. */
export function permitOf(grant: Grant): Permit {
  // If there is no grant at all, the check of `grant.node` below fails.
  const given = known("grant", grant, ["node", "stores", "access", "maxValueBytes", "maxInFlight", "define", "regex"]);
  const stores = given.stores ?? [];
  if (stores !== "*") {
    if (!Array.isArray(stores)) throw invalid('grant.stores must be an array or "*"');
    stores.forEach((each, at) => void name(each, `grant.stores[${at}]`));
  }
  return {
    node: name(given.node, "grant.node"),
    stores: stores === "*" ? stores : new Set(stores),
    writes: oneOf("grant.access", given.access, ["read", "readwrite"], "readwrite") !== "read",
    define: bool("grant.define", given.define),
    regex: bool("grant.regex", given.regex),
    maxValueBytes: Math.min(
      whole("grant.maxValueBytes", given.maxValueBytes, MAX_VALUE_BYTES),
      CEILING_BYTES,
    ),
    maxInFlight: whole("grant.maxInFlight", given.maxInFlight, MAX_IN_FLIGHT),
  };
}

/** The error for something that is not granted. Does not reveal whether it exists. */
export function denied(what: string): PatchStoreError {
  return new PatchStoreError("AccessDenied", `${what} is not granted`);
}

export function exceeded(message: string): PatchStoreError {
  return new PatchStoreError("LimitExceeded", message);
}
