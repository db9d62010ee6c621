/** The most bytes of a line: a value of the largest size in base64 is larger. */
export const MAX_LINE_BYTES = 268_435_456;
/** A batch is stored once its lines have this many bytes, or it has this many lines. */
export const BATCH_BYTES = 4 * 1024 * 1024;
export const BATCH_LINES = 10_000;
/** About how many bytes a stream hands out at once. */
export const CHUNK_BYTES = 64 * 1024;
