import type { ErrorCode, Remedy } from "../facade/base/types.js";
import type { Failure } from "../facade/serve/protocol.js";
import type { PatchStoreError } from "../facade/base/errors.js";

/** An error as `patchstore` makes them, without its class. */
export function failure(code: ErrorCode, message: string, more?: object): PatchStoreError {
  const remedy: Remedy = code === "Closed" ? "reopen" : "fix-call";
  return revived({ remedy, ...more, code, message });
}

/** What the host sent, as an error again. */
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

/** True of every error that is the library's, whichever realm or port it came from. */
export function isPatchStoreError(error: unknown): error is PatchStoreError {
  const { name, code, remedy } = Object(error);
  return name === "PatchStoreError" && typeof code === "string" && typeof remedy === "string";
}
