/** What helps: correct the call; try again; free space; open the patch again; reload the page;
 *  restore from a backup. */
export type Remedy = "fix-call" | "retry" | "free-space" | "reopen" | "reload" | "restore";

export type ErrorCode =
  | "InvalidArgument"
  | "NotStorable"
  | "Exists"
  | "ConstraintViolation"
  | "Conflict"
  | "StorageQuotaExceeded"
  | "Unavailable"
  | "Blocked"
  | "Closed"
  | "ConnectionLost"
  | "Encrypted"
  | "NotEncrypted"
  | "WrongKey"
  | "Corrupt"
  | "UnsupportedFormat"
  | "AccessDenied"
  | "LimitExceeded"
  | "Internal";
