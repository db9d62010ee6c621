/** What outputs of message objects may look like. Loaded by pages and by Node. */

const CODES = [
  "InvalidArgument", "NotStorable", "Exists", "ConstraintViolation", "Conflict", "StorageQuotaExceeded", "Unavailable",
  "Blocked", "Closed", "ConnectionLost", "Encrypted", "NotEncrypted", "WrongKey", "Corrupt", "UnsupportedFormat",
  "AccessDenied", "LimitExceeded", "Internal",
];
const text = (value) => typeof value === "string";
const bool = (value) => typeof value === "boolean";
const yes = (value) => value === true;
const any = () => true;
const count = (value) => Number.isInteger(value) && value >= 0;
const doc = (value) => text(value._id) && Number.isFinite(value._created) && Number.isFinite(value._updated);
/** What a find has chosen of one: `_id` always. */
const part = (value) => text(value._id) && ["_created", "_updated"].every((name) => !Object.hasOwn(value, name) || Number.isFinite(value[name]));
const error = { message: (value) => text(value) && value !== "" && value.length < 20_000, code: (value) => CODES.includes(value) };
const setStore = { value: text, ok: yes };
const changed = { collection: text, id: text, ok: bool };

const OUTPUTS = {
  kv: {
    get: { key: text, value: any, found: bool },
    set: { key: text, ok: yes },
    delete: { key: text, deleted: bool },
    keys: { keys: (value) => Array.isArray(value) && value.every(text) },
    clear: { ok: yes },
    has: { key: text, exists: bool },
    setStore,
    error,
  },
  db: {
    insert: { collection: text, id: text },
    find: { collection: text, docs: (value) => Array.isArray(value) && value.every(part), count },
    findOne: { collection: text, id: text, doc: (value) => value === null || doc(value) },
    update: changed,
    replace: changed,
    delete: changed,
    count: { collection: text, count },
    drop: { collection: text, ok: yes },
    setStore,
    error,
  },
};

/** What is wrong with an output of a "kv" or a "db" object, or undefined. */
export function faultOf(kind, output) {
  if (typeof output !== "object" || output === null) return `is ${typeof output}`;
  if (Object.getPrototypeOf(output) !== Object.prototype) return "is no plain object";
  const { op, ...rest } = output;
  if (!Object.hasOwn(OUTPUTS[kind], op)) return `has the op ${String(op)}`;
  const members = OUTPUTS[kind][op];
  const [found, wanted] = [Reflect.ownKeys(rest).join(), Object.keys(members).join()];
  if (found !== wanted) return `of ${op} has ${found}, not ${wanted}`;
  const wrong = Object.keys(members).find((name) => !members[name](rest[name]));
  if (wrong !== undefined) return `of ${op} has a wrong ${wrong}: ${String(rest[wrong]).slice(0, 300)}`;
  if (op === "find" && output.count !== output.docs.length) return "counts other documents than it has";
  if (op === "get" && !output.found && output.value !== null) return "has a value that was not found";
  return undefined;
}

/** Whether a string occurs anywhere in a value. */
export function mentions(value, secret) {
  if (typeof value === "string") return value.includes(secret);
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof Map || value instanceof Set) return mentions([...value], secret);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Blob) return false;
  return Reflect.ownKeys(value).some((name) => mentions(name, secret) || mentions(value[name], secret));
}
