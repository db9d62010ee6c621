import type { ErrorCode, Remedy } from "../facade/base/types.js";
import type { Failure } from "../facade/serve/protocol.js";
import type { PatchStoreError } from "../facade/base/errors.js";

/** An error in the shape of a PatchStoreError, without the class. */
export function failure(code: ErrorCode, message: string, more?: object): PatchStoreError {
  const remedy: Remedy = code === "Closed" ? "reopen" : "fix-call";
  return revived({ remedy, ...more, code, message });
}

/** Turns a failure that the host sent back into an error. */
export function revived({ message, ...evidence }: Failure): PatchStoreError {
  const error = new Error(message);
  for (const [name, value] of Object.entries({ name: "PatchStoreError", ...evidence })) {
    if (value !== undefined) Object.defineProperty(error, name, { value });
  }
  return error as PatchStoreError;
}

export function invalid(message: string): PatchStoreError {
  return failure("InvalidArgument", message);
}

/** True for every error of the library, whichever realm or port it came from. */
export function isPatchStoreError(error: unknown): error is PatchStoreError {
  const { name, code, remedy } = Object(error);
  return name === "PatchStoreError" && typeof code === "string" && typeof remedy === "string";
}
