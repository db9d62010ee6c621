import { abortable, throwIfAborted } from "./base/abort.js";
import { databaseOf } from "./bridge/database.js";
import { init } from "./bridge/load.js";
import { bool, known, oneOf, signalOf, whole } from "./base/options.js";
import { policyOf } from "./base/quota.js";
import { OpenedPatch } from "./patch.js";
import type { OpenOptions, Patch } from "./base/types.js";

const NAMES = [
  "prefix",
  "backend",
  "durability",
  "cacheBytes",
  "openTimeoutMs",
  "quota",
  "signal",
  "opLog",
] as const;
const LATER = ["encryption"] as const;

const CACHE_BYTES = 32 * 1024 * 1024;
const OPEN_TIMEOUT_MS = 10_000;

/** Opens the database of one patch, creating it if necessary. Loads the wasm on first use. */
export async function openPatch(id: string, options?: OpenOptions): Promise<Patch> {
  const given = known("options", options, NAMES, LATER);
  const settings = {
    database: databaseOf(id, given.prefix),
    backend: oneOf("options.backend", given.backend, ["indexeddb", "memory"], "indexeddb"),
    durability: oneOf("options.durability", given.durability, ["relaxed", "strict"], "relaxed"),
    cacheBytes: whole("options.cacheBytes", given.cacheBytes, CACHE_BYTES),
    openTimeoutMs: whole("options.openTimeoutMs", given.openTimeoutMs, OPEN_TIMEOUT_MS),
  } as const;
  const policy = policyOf(given.quota);
  const opLog = bool("options.opLog", given.opLog);
  const signal = signalOf("options.signal", given.signal);
  throwIfAborted(signal);
  await abortable(init(), signal);
  return OpenedPatch.open(id, settings, policy, signal, opLog);
}
