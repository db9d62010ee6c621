/** What runs beside SQLite: its databases, with statements that are prepared once. */
import { wasmBytes } from "../wasm.js";
import sqlite3InitModule from "@sqlite.org/sqlite-wasm";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS documents (id TEXT PRIMARY KEY, doc TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value TEXT);
`;

const STATEMENTS = {
  insert: "INSERT INTO documents VALUES (?, ?)",
  get: "SELECT doc FROM documents WHERE id = ?",
  all: "SELECT doc FROM documents",
  where: "SELECT doc FROM documents WHERE json_extract(doc, ?) = ?",
  update: "UPDATE documents SET doc = json_patch(doc, ?) WHERE id = ?",
  delete: "DELETE FROM documents WHERE id = ?",
  set: "INSERT INTO kv VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  read: "SELECT value FROM kv WHERE key = ?",
};

let sqlite3, pool;
const databases = new Map();

function run(statement, values) {
  try {
    statement.bind(values).step();
  } finally {
    statement.reset();
  }
}

/** The first column of each row. */
function column(statement, values = []) {
  try {
    if (values.length) statement.bind(values);
    const found = [];
    while (statement.step()) found.push(statement.get(0));
    return found;
  } finally {
    statement.reset();
  }
}

const methods = {
  async load() {
    sqlite3 = await sqlite3InitModule();
  },
  async open(name, indexes) {
    pool ??= await sqlite3.installOpfsSAHPoolVfs({ initialCapacity: 12 });
    const db = new pool.OpfsSAHPoolDb(`/${name}.sqlite3`);
    db.exec(SCHEMA);
    const statements = { ...STATEMENTS };
    for (const field of indexes) {
      const of = `json_extract(doc, '$."${field}"')`;
      db.exec(`CREATE INDEX IF NOT EXISTS "by ${field}" ON documents (${of})`);
      statements[`where ${field}`] = `SELECT doc FROM documents WHERE ${of} = ?`;
      statements[`range ${field}`] = `SELECT doc FROM documents WHERE ${of} >= ? ORDER BY ${of} LIMIT ?`;
    }
    const prepared = Object.entries(statements).map(([key, text]) => [key, db.prepare(text)]);
    databases.set(name, { db, ...Object.fromEntries(prepared) });
  },
  insertMany(name, rows) {
    const { db, insert } = databases.get(name);
    db.transaction(() => rows.forEach((row) => run(insert, row)));
  },
  get: (name, id) => column(databases.get(name).get, [id]),
  all: (name) => column(databases.get(name).all),
  where: (name, field, value) => column(databases.get(name).where, [`$."${field}"`, value]),
  whereIndexed: (name, field, value) => column(databases.get(name)[`where ${field}`], [value]),
  range: (name, field, from, limit) => column(databases.get(name)[`range ${field}`], [from, limit]),
  update: (name, id, changes) => run(databases.get(name).update, [changes, id]),
  deleteMany(name, ids) {
    const { db, delete: statement } = databases.get(name);
    db.transaction(() => ids.forEach((id) => run(statement, [id])));
  },
  set: (name, key, value) => run(databases.get(name).set, [key, value]),
  read: (name, key) => column(databases.get(name).read, [key])[0],
  close(name) {
    const { db, ...statements } = databases.get(name);
    Object.values(statements).forEach((statement) => statement.finalize());
    db.close();
    databases.delete(name);
  },
  wasmBytes,
  remove: (name) => pool.unlink(`/${name}.sqlite3`),
};

onmessage = async ({ data: { id, method, parameters } }) => {
  try {
    postMessage({ id, result: await methods[method](...parameters) });
  } catch (error) {
    postMessage({ id, error: error?.stack ?? `${error}` });
  }
};
