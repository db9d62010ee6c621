/**
 * Who may import whom: each room with the rooms below it that it may name. A room is a folder or a file of `src`;
 * what a file belongs to is the longest name that fits. Within a room, files must not import each other in a circle.
 */
const BASE = ["error"];
const ENGINE_BASE = ["error", "sorted", "limits", "env", "record", "codec", "blobs", "backend", "sealed"];
const engine = (...below) => [...ENGINE_BASE, ...below.map((room) => `engine/${room}`)];

export const RUST = {
  error: [],
  sorted: [],
  limits: BASE,
  crossing: [],
  env: BASE,
  record: [],
  simulation: ["env"],
  codec: ["error", "record"],
  blobs: ["error", "sorted", "record", "codec"],
  // It takes the Blobs that lie beside a record; of keys and frames it knows nothing.
  backend: ["error", "sorted", "limits", "crossing", "env", "simulation", "record", "blobs"],

  // A backend over a backend: it knows what must stay readable.
  sealed: ["error", "env", "record", "codec", "blobs", "backend"],

  "engine/keyspace": engine(),
  "engine/core": engine("keyspace"),
  "engine/store": engine("core", "keyspace"),
  "engine/log": engine("store", "core", "keyspace"),
  "engine/upkeep": engine("log", "store", "core", "keyspace"),
  "engine/write": engine("upkeep", "log", "store", "core", "keyspace"),
  "engine/whole": engine("write", "upkeep", "log", "store", "core", "keyspace"),
  engine: engine("whole", "write", "upkeep", "log", "core", "keyspace"),

  // Models reach the keyspace through the engine's door only.
  models: ["error", "sorted", "limits", "env", "record", "codec", "blobs", "engine"],
  // The simulation only in builds for tests of the facade.
  bindings: ["error", "sorted", "limits", "crossing", "env", "simulation", "record", "codec", "blobs", "backend", "sealed", "engine", "models"],
  // A crate of its own: the reader of other libraries' data.
  import: [],
  kdf: [],
  lib: ["error"],
};

const FACADE = ["base", "values", "lines", "bridge", "blobs", "stores", "sync", "objects", "serve"];
const ADAPTER = ["storage-adapter", "adapter-calls", "adapter-store"].map((file) => `facade/${file}`);
const facade = (...below) => below.map((room) => `facade/${room}`);

export const TYPESCRIPT = {
  "facade/base": [],
  "facade/values": facade("base"),
  // Lines of JSON: of stores it knows what it is told.
  "facade/lines": facade("base", "values"),
  // What knows the wasm, and how calls go to it.
  "facade/bridge": facade("base", "values"),
  "facade/blobs": facade("base", "values", "bridge"),
  "facade/stores": facade("base", "values", "lines", "bridge", "blobs"),
  "facade/sync": facade("base", "values", "bridge", "stores"),
  "facade/objects": facade("base", "bridge", "stores"),
  "facade/serve": facade("base", "values", "bridge", "blobs", "stores"),
  facade: facade(...FACADE),
  // A bundle of its own, which takes from the package's what `internals` has; of the rooms it knows the types.
  ...Object.fromEntries(ADAPTER.map((file) => [file, ["facade", ...ADAPTER, ...facade(...FACADE)]])),
  // It is delivered by itself: of the facade it knows what says something of values and of messages.
  sandbox: facade("base", "values", "serve"),
  // A bundle of its own over the public calls.
  sds: ["facade"],
};
