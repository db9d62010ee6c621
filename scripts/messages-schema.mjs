/** Makes the JSON Schema of messages out of the tables that the library reads them by. */
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;

/** What each operation does, for people. */
const SAYS = {
  kv: {
    get: "Gives the value of a key, null when there is none.",
    set: "Stores a value.",
    delete: "Removes a key, and says whether it was there.",
    keys: "Lists all keys of the store, in order.",
    clear: "Removes all keys of the store.",
    has: "Says whether a key is there.",
    setStore: 'Sends later messages to a named store; "" goes back to the node\'s own.',
  },
  db: {
    insert: "Stores a new document, and gives its id.",
    find: "Gives the documents of a collection, or those that match a query.",
    findOne: "Gives one document by its id, null when there is none.",
    update: "Merges changes into a document.",
    replace: "Puts another document in the place of one.",
    delete: "Removes a document, and says whether it was there.",
    count: "Counts the documents of a collection, or those that match a query.",
    drop: "Removes a collection and its documents.",
    setStore: 'Sends later messages to a named store; "" goes back to the node\'s own.',
  },
};

const PARTS = {
  key: { type: "string", maxLength: 1000 },
  name: { type: "string", minLength: 1, maxLength: 1000 },
  store: { type: "string", maxLength: 1000 },
  value: { description: "Anything that can be stored, in JSON or not." },
  object: { type: "object", description: "A plain object." },
};
const PATH = { type: "string" };
const DIRECTION = { enum: [1, -1] };
/** What an option of a find is, by its name. */
const OPTIONS = {
  sort: {
    description: "Fields and directions, the first decides first.",
    oneOf: [
      { type: "object", additionalProperties: DIRECTION, maxProperties: 32 },
      { type: "array", items: { type: "array", prefixItems: [PATH, DIRECTION], minItems: 2, maxItems: 2 }, maxItems: 32 },
    ],
  },
  skip: { type: "integer", minimum: 0 },
  limit: { type: "integer", minimum: 0 },
  fields: { type: "array", items: PATH, maxItems: 1000, description: "Only these fields, and _id." },
};
const optionsOf = (names) => Object.fromEntries(names.map((name) => [name, OPTIONS[name]]));
const INSERTED = { ...PARTS.object, properties: { _id: PARTS.key } };

const SAMPLES = { key: "k", collection: "notes", id: "x", doc: { text: "hi" }, query: { text: "hi" }, options: { sort: { text: 1 }, limit: 10 } };
const sampleOf = ({ field, kind }) => SAMPLES[field] ?? (kind === "store" ? "shared" : 1);

const SPACE = "[ \\t\\n\\r]";
const wordPattern = (least) => {
  const quoted = `"(?:[^"\\\\\\u0000-\\u001f]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4})){${least},1000}"`;
  return `(?:[^" \\t\\n\\r][^ \\t\\n\\r]{0,999}|${quoted})`;
};
const PATTERNS = {
  key: wordPattern(0),
  name: wordPattern(1),
  store: wordPattern(0),
  value: "[^ \\t\\n\\r][\\s\\S]*",
  object: "\\{[\\s\\S]*\\}",
};

/** @returns {Promise<object>} draft 2020-12 */
export async function messagesSchema() {
  const { kv, db } = await tables();
  const $defs = { ...operationsOf("kv", kv), ...operationsOf("db", db) };
  const all = (kind, table) => Object.keys(table).map((op) => ({ $ref: `#/$defs/${kind}.${op}` }));
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Messages to patchstore's kv and db objects",
    description:
      "Each operation as a typed object, a shorthand object, or a text. What a schema cannot say: names and keys " +
      "have at most 1 000 UTF-16 code units (a schema counts code points), an operator in a query must be one that " +
      "there is, and what a text holds in braces must be JSON.",
    anyOf: [{ $ref: "#/$defs/kvMessage" }, { $ref: "#/$defs/dbMessage" }],
    $defs: { kvMessage: { oneOf: all("kv", kv) }, dbMessage: { oneOf: all("db", db) }, ...$defs },
  };
}

async function tables() {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { KV_OPERATIONS as kv } from "./kv-operations.ts"; export { DB_OPERATIONS as db } from "./db-operations.ts";`,
      resolveDir: `${root}src/facade/objects`,
    },
    bundle: true,
    format: "esm",
    write: false,
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

function operationsOf(kind, table) {
  const [there, said] = [Object.keys(table).sort().join(), Object.keys(SAYS[kind]).sort().join()];
  if (there !== said) throw new Error(`${kind} has the operations ${there}; described are ${said}`);
  return Object.fromEntries(
    Object.entries(table).map(([op, { takes }]) => {
      const part = ({ field, kind, names }) =>
        names ? { type: "object", properties: optionsOf(names), additionalProperties: false } : (op === "insert" && field === "doc" ? INSERTED : PARTS[kind]);
      const forms = [typed(op, takes, part), shorthand(op, takes, part), text(op, takes)];
      const examples = forms.map(({ examples: [example] }) => example);
      return [`${kind}.${op}`, { title: op, description: SAYS[kind][op], oneOf: forms, examples }];
    }),
  );
}

const needed = (takes) => takes.filter(({ optional }) => !optional);
const only = (properties, required) => ({ type: "object", properties, required, additionalProperties: false });

function typed(op, takes, part) {
  const properties = Object.fromEntries(takes.flatMap((each) => (each.names ? Object.entries(optionsOf(each.names)) : [[each.field, part(each)]])));
  const schema = only({ type: { const: op }, ...properties }, ["type", ...needed(takes).map(({ field }) => field)]);
  const example = { type: op, ...Object.fromEntries(takes.flatMap((each) => (each.names ? Object.entries(sampleOf(each)) : [[each.field, sampleOf(each)]]))) };
  return { title: "typed", ...schema, examples: [example] };
}

function shorthand(op, takes, part) {
  const lists = takes.length < 2 ? [] : takes.map((_, at) => takes.slice(0, at + 1)).filter((list) => list.length >= needed(takes).length);
  const forms = [
    ...(takes.length === 0 ? [{ const: true }] : []),
    ...(needed(takes).length === 1 ? [part(takes[0])] : []),
    ...lists.map((list) => ({
      type: "array",
      prefixItems: list.map((each) => ({ title: each.field, ...part(each) })),
      minItems: list.length,
      maxItems: list.length,
    })),
  ];
  const samples = takes.map(sampleOf);
  const example = { [op]: samples.length > 1 ? samples : (samples[0] ?? true) };
  return { title: "shorthand", ...only({ [op]: forms.length > 1 ? { oneOf: forms } : forms[0] }, [op]), examples: [example] };
}

function text(op, all) {
  const takes = all.filter(({ names }) => !names);
  const parts = takes.map(({ kind, optional }) => `(?:${SPACE}+${PATTERNS[kind]})${optional ? "?" : ""}`);
  const words = takes.map(sampleOf).map((sample) => (typeof sample === "string" ? sample : JSON.stringify(sample)));
  return {
    title: "text",
    type: "string",
    pattern: `^${SPACE}*${op}${parts.join("")}${SPACE}*$`,
    examples: [[op, ...words].join(" ")],
  };
}
