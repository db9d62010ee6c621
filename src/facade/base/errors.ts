import type { ErrorCode, Remedy } from "./types.js";

const REMEDIES: Record<ErrorCode, Remedy> = {
  InvalidArgument: "fix-call",
  NotStorable: "fix-call",
  Exists: "fix-call",
  ConstraintViolation: "fix-call",
  Conflict: "retry",
  StorageQuotaExceeded: "free-space",
  Unavailable: "fix-call",
  Blocked: "retry",
  Closed: "reopen",
  ConnectionLost: "reopen",
  Encrypted: "fix-call",
  NotEncrypted: "fix-call",
  WrongKey: "fix-call",
  Corrupt: "restore",
  UnsupportedFormat: "reload",
  AccessDenied: "fix-call",
  LimitExceeded: "fix-call",
  Internal: "reload",
};

/** The evidence an error may carry besides its code. */
export interface Evidence {
  readonly remedy?: Remedy | undefined;
  readonly cause?: unknown;
  readonly path?: string | undefined;
  readonly usage?: number | undefined;
  readonly quota?: number | undefined;
}

/** Every failure that is the library's to report. */
export class PatchStoreError extends Error {
  declare readonly name: "PatchStoreError";
  readonly code: ErrorCode;
  readonly remedy: Remedy;
  /** The browser's own error, where there was one. */
  declare readonly cause?: unknown;
  /** For NotStorable: the path of the offender. */
  declare readonly path?: string;
  /** For StorageQuotaExceeded, bytes; the quota as reported, which may exceed what is enforced. */
  declare readonly usage?: number;
  declare readonly quota?: number;

  constructor(code: ErrorCode, message: string, evidence: Evidence = {}) {
    super(message);
    this.code = code;
    this.remedy = evidence.remedy ?? REMEDIES[code];
    for (const name of ["cause", "path", "usage", "quota"] as const) {
      const value = evidence[name];
      if (value !== undefined) define(this, name, value);
    }
  }

  static {
    define(this.prototype, "name", "PatchStoreError");
  }
}

/** Evidence is read, not listed: a log of the error shows its message and its code. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

/** Also true of errors that crossed a realm or a port: it looks at the shape, not the class. */
export function isPatchStoreError(error: unknown): error is PatchStoreError {
  if (typeof error !== "object" || error === null) return false;
  const { name, code, remedy, message } = error as Record<string, unknown>;
  return (
    name === "PatchStoreError" &&
    typeof code === "string" &&
    Object.hasOwn(REMEDIES, code) &&
    typeof remedy === "string" &&
    typeof message === "string"
  );
}

/** Thrown where the call itself was wrong. */
export function invalid(message: string): PatchStoreError {
  return new PatchStoreError("InvalidArgument", message);
}

/** Thrown by calls on what was closed. */
export function closed(what: string): PatchStoreError {
  return new PatchStoreError("Closed", `${what} is closed`);
}

/** How wasm makes an error; registered with it when it is loaded. */
export function makeError(
  code: ErrorCode,
  message: string,
  remedy: Remedy,
  path: string | undefined,
  usage: number | undefined,
  quota: number | undefined,
  cause: unknown,
): PatchStoreError {
  return new PatchStoreError(code, message, { remedy, path, usage, quota, cause });
}
