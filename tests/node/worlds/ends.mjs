/** How a call may end where the storage fails, others write, or the patch is closed. */
export const TOLERABLE = ["StorageQuotaExceeded", "Unavailable", "Conflict", "Closed", "ConnectionLost", "Exists", "Blocked"];
/** Those that leave it open whether it took effect. */
export const UNKNOWN = ["ConnectionLost", "Closed"];
