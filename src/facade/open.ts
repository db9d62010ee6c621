import { Key } from "./access.js";
import { abortable, throwIfAborted } from "./base/abort.js";
import { databaseOf } from "./bridge/database.js";
import { init } from "./bridge/load.js";
import { bool, known, oneOf, signalOf, whole } from "./base/options.js";
import { policyOf } from "./base/quota.js";
import { OpenedPatch } from "./patch.js";
import { shapeOf } from "./version.js";
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
  "version",
  "migrate",
  "encryption",
] as const;

const CACHE_BYTES = 32 * 1024 * 1024;
const OPEN_TIMEOUT_MS = 10_000;

/** Opens the database of one patch, creating it if necessary. Loads the wasm on first use. */
export async function openPatch(id: string, options?: OpenOptions): Promise<Patch> {
  const given = known("options", options, NAMES);
  const key = new Key("options.encryption", given.encryption);
  const settings = {
    access: key.access,
    isDeriving: () => key.isDeriving,
    hold: () => key.hold(),
    forget: () => key.forget(),
    database: databaseOf(id, given.prefix),
    backend: oneOf("options.backend", given.backend, ["indexeddb", "memory"], "indexeddb"),
    durability: oneOf("options.durability", given.durability, ["relaxed", "strict"], "relaxed"),
    cacheBytes: whole("options.cacheBytes", given.cacheBytes, CACHE_BYTES),
    openTimeoutMs: whole("options.openTimeoutMs", given.openTimeoutMs, OPEN_TIMEOUT_MS),
  } as const;
  const policy = policyOf(given.quota);
  const opLog = bool("options.opLog", given.opLog);
  const shape = shapeOf(given.version, given.migrate);
  const signal = signalOf("options.signal", given.signal);
  throwIfAborted(signal);
  await abortable(init(), signal);
  try {
    return await OpenedPatch.open(id, settings, policy, signal, opLog, shape);
  } finally {
    key.forget();
  }
}
