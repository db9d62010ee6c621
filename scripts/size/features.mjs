/** Which feature a function of the wasm belongs to, by its name. */

/** Paths in the crate, by features; the first that fits holds. */
const PATHS = [
  ["archives", ["engine::whole::export", "engine::whole::import", "engine::whole::walk", "codec::archive", "sealed::archive", "bindings::archive"]],
  ["lifecycle, conversion", ["engine::whole::convert", "engine::whole::copy", "engine::whole::onto", "engine::whole::filling", "engine::whole::lifecycle", "engine::whole::harden", "bindings::lifecycle"]],
  ["encryption", ["sealed", "codec::seal", "engine::keyring", "engine::whole::keyring", "engine::whole::unlock", "bindings::access", "bindings::keyring", "bindings::subtle", "bindings::strings"]],
  ["op-log", ["models::op_log", "bindings::op_log", "codec::stamp", "codec::tags"]],
  ["adapters", ["models::adapter_log", "bindings::adapter"]],
  ["contents, blobs", ["models::contents", "bindings::contents", "bindings::upload", "blobs", "engine::store::pieces"]],
  ["migrations", ["models::migration", "bindings::migration", "engine::version", "codec::data_version"]],
  ["live queries", ["models::documents::live", "models::documents::feed", "models::documents::window", "models::watch", "bindings::db_watch", "bindings::watch", "bindings::changes"]],
  ["constraints", ["cascade", "parents", "referrers", "sequences", "numbering", "unique", "violations", "checks"].map((each) => `models::documents::${each}`)],
  [
    "queries, indexes",
    ["models::query", "codec::sort_key", "bindings::reads", "bindings::db::indexes"].concat(
      ["build", "building", "definition", "index", "indexing", "plan", "planner", "find", "kept", "walk", "sort", "include", "distinct", "count", "projection", "places", "leap", "existing", "spec", "progress"].map((each) => `models::documents::${each}`),
    ),
  ],
  ["documents", ["models::documents", "models::nodes", "bindings::db", "bindings::update"]],
  ["key-value pairs", ["models::kv", "models::freshness", "bindings::kv", "bindings::range"]],
  ["codecs", ["codec"]],
  ["messages", ["error", "bindings::errors", "bindings::refused"]],
  ["storage", ["backend"]],
  ["engine: commits, log", ["engine::write", "engine::log"]],
  ["engine: upkeep", ["engine::upkeep"]],
  ["engine: the rest", ["engine", "record", "sorted", "limits", "env", "models"]],
  ["bindings", ["bindings", "crossing"]],
];

/** Exports, which have no path. */
const EXPORTS = [
  ["archives", /^(exportport|importport|patchport_(exportFrom|importInto))/],
  ["lifecycle, conversion", /^(convertPort|deletePort|holdsRecords|isRemains|patchport_copyTo)/],
  ["encryption", /^(accessport|patchport_(rekey|setKey|removeKey|keyNames|verify|openedBy|isEncrypted))/],
  ["op-log", /^(oplogport|applyport|tailport|patchport_(opLog|switchOnOpLog))/],
  ["adapters", /^(adapterport|patchport_adapter)/],
  ["contents, blobs", /^(contentsport|uploadport|inlineBlobs|patchport_(contents|upload|takes|collectContents|lookAfterContents))/],
  ["migrations", /^patchport_(adopt|beginMigration|declare)/],
  ["live queries", /^(liveport|watchport|changesport|dbport_(watch|changes)|kvport_(watch|changes))/],
  ["queries, indexes", /^dbport_(find|count|distinct|explain|createIndex|dropIndex|indexes|define)/],
  ["documents", /^(dbport|dbbatchport)/],
  ["key-value pairs", /^(kvport|kvbatchport)/],
  ["bindings", /^(__wbg_|__wbindgen|__externref|\w+port_|openPort|register)/],
];

/** Other crates. */
const CRATES = [
  ["encryption", /^(aes|aes_gcm|aead|polyval|ghash|universal_hash|ctr|cipher|inout|hkdf|hmac|zeroize|subtle|cpubits|cmov)$/],
  ["contents, blobs", /^(sha2|digest|block_buffer|hybrid_array|crypto_common)$/],
  ["codecs", /^(lz4_flex|twox_hash)$/],
  ["bindings", /^(js_sys|wasm_bindgen|wasm_bindgen_futures|web_sys)$/],
];

/** The standard library, and what else is not of one feature. */
export const STANDARD = "standard library";
/** Of a name with several of the crate's paths, another feature's counts: it was made for that one. */
const GENERAL = new Set([STANDARD, "bindings", "codecs", "messages", "storage", "engine: commits, log", "engine: upkeep", "engine: the rest"]);

const within = (path, prefix) => path === prefix || path.startsWith(`${prefix}::`);
const ofPath = (path) => PATHS.find(([, prefixes]) => prefixes.some((prefix) => within(path, prefix)))?.[0];

/** Without the hashes of crates, and as it is written in Rust. */
export const plainName = (name) => name.replace(/\[[0-9a-f]+\]/g, "");

/** The feature of a function. */
export function featureOf(name) {
  const plain = plainName(name);
  const paths = [...plain.matchAll(/\bpatchstore::((?:[a-z_0-9]+(?:::|\b))+)/g)].map(([, path]) => path.replace(/::$/, ""));
  const found = paths.map(ofPath).filter((feature) => feature !== undefined);
  if (found.length > 0) return found.find((feature) => !GENERAL.has(feature)) ?? found[0];
  const exported = EXPORTS.find(([, pattern]) => pattern.test(plain));
  if (exported !== undefined) return exported[0];
  const crates = [...plain.matchAll(/\b([a-z_0-9]+)::/g)].map(([, crate]) => crate);
  return CRATES.find(([, pattern]) => crates.some((crate) => pattern.test(crate)))?.[0] ?? STANDARD;
}
