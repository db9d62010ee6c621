import type { ErrorCode, Remedy } from "./codes.js";

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

/** Details that an error may carry besides its code. */
export interface Evidence {
  readonly remedy?: Remedy | undefined;
  readonly cause?: unknown;
  readonly path?: string | undefined;
  readonly usage?: number | undefined;
  readonly quota?: number | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly issues?: Issues | undefined;
  readonly line?: number | undefined;
  readonly linesDone?: number | undefined;
}

/** What a schema has found, as Standard Schema has it. */
export type Issues = readonly { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] }[];

/** The error that the library throws for every failure of its own. */
export class PatchStoreError extends Error {
  declare readonly name: "PatchStoreError";
  readonly code: ErrorCode;
  readonly remedy: Remedy;
  /** The underlying error of the browser, if there was one. */
  declare readonly cause?: unknown;
  /** For NotStorable: the path to the value that cannot be stored. */
  declare readonly path?: string;
  /** For ConstraintViolation: the ids of documents that collide or are missing. */
  declare readonly ids?: string[];
  /** For ConstraintViolation: what the schema of a collection's handle has found. */
  declare readonly issues?: Issues;
  /** For StorageQuotaExceeded, in bytes. `quota` is as reported, and may be more than the browser enforces. */
  declare readonly usage?: number;
  declare readonly quota?: number;
  /** For an import of lines: the number of the line that could not be stored, from 1 up, where it is known, and how many lines from the start are stored. */
  declare readonly line?: number;
  declare readonly linesDone?: number;

  constructor(code: ErrorCode, message: string, evidence: Evidence = {}) {
    super(message);
    this.code = code;
    this.remedy = evidence.remedy ?? REMEDIES[code];
    for (const name of ["cause", "path", "usage", "quota", "ids", "issues", "line", "linesDone"] as const) {
      const value = evidence[name];
      if (value !== undefined) define(this, name, value);
    }
  }

  static {
    define(this.prototype, "name", "PatchStoreError");
  }
}

/** Defines a non-enumerable property, so that a logged error shows only its message, code and remedy. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

/** Also true for errors that crossed a realm or a port, since it checks the shape and not the class. */
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

/** An InvalidArgument error: the call itself was wrong. */
export function invalid(message: string): PatchStoreError {
  return new PatchStoreError("InvalidArgument", message);
}

/** A Corrupt error, for bytes that are not what they should be. */
export function corrupt(message: string, cause?: unknown): PatchStoreError {
  return new PatchStoreError("Corrupt", message, { cause });
}

/** A Closed error, for calls on something that is closed. */
export function closed(what: string): PatchStoreError {
  return new PatchStoreError("Closed", `${what} is closed`);
}

/** Creates the errors of wasm, which gets this function when it is loaded. */
export function makeError(
  code: ErrorCode,
  message: string,
  remedy: Remedy,
  path: string | undefined,
  usage: number | undefined,
  quota: number | undefined,
  cause: unknown,
  ids: readonly string[] | undefined,
): PatchStoreError {
  return new PatchStoreError(code, message, { remedy, path, usage, quota, cause, ids });
}
