import { isPatchStoreError, PatchStoreError } from "../base/errors.js";
import type { Failure } from "./protocol.js";

/** An error in a form that can be cloned. Errors that are not the library's reveal nothing about the host. */
export function failureOf(error: unknown): Failure {
  const { code, message, remedy, path, usage, quota, cause, ids, issues } = isPatchStoreError(error)
    ? error
    : new PatchStoreError("Internal", "the host failed");
  return { code, message, remedy, path, usage, quota, cause, ids, issues };
}
