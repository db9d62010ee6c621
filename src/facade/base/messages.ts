import type { ErrorCode } from "./codes.js";
import type { Doc, FindOptions, Scope } from "./data.js";
import type { Query } from "./query.js";

/**
 * A store that is driven by messages. It takes them in three forms:
 *
 * - typed: `{type: "set", key: "k", value: 1}`, `{type: "insert", collection: "notes", doc: {…}}`, `{type: "find", collection: "notes", sort: {…}, limit: 5}`
 * - shorthand: `{set: ["k", 1]}`, `{get: "k"}`, `{keys: true}`, `{insert: ["notes", {…}]}`, `{find: "notes"}`, `{find: ["notes", {…}, {sort: {…}, limit: 5}]}`
 * - text: `set k 1`, `get k`, `keys`, `insert notes {"text": "hi"}`, `find notes`
 *
 * A message has exactly the properties of its form. In a text, spaces (those of JSON) separate the
 * operation from its arguments. Keys, ids and names of collections and stores are bare words, or JSON
 * strings in double quotes if they are empty, contain spaces or begin with a quote. A value is the rest
 * of the text: parsed as JSON if it is valid JSON, otherwise the text itself without surrounding spaces. A document or a
 * query is the rest of the text, and must be a JSON object. `messages.schema.json` in the package describes
 * the same in JSON Schema.
 */
export interface MessageObject<Message, Output> {
  /** The store that messages go to now. */
  readonly scope: Scope;
  /**
   * Resolves to the tagged output, and never rejects. A message is read when it is sent, and
   * messages take effect in the order in which they were sent. A message without a form, or with several
   * at once, gives `{op: "error", code: "InvalidArgument"}`, whose message says where a text went
   * wrong; a failed operation gives `{op: "error"}` with the code of the failure.
   */
  send(message: Message | (unknown & {})): Promise<Output>;
  /** Sends later messages to a named store; "" or undefined goes back to the node's own. Throws
   *  InvalidArgument for anything else, and Closed. */
  setStore(name?: string): void;
}

/** `setStore` with "" goes back to the node's own store. */
export type KvMessage =
  | { type: "get" | "delete" | "has"; key: string }
  | { type: "set"; key: string; value: unknown }
  | { type: "keys" | "clear" }
  | { type: "setStore"; value: string }
  | { get: string }
  | { delete: string }
  | { has: string }
  | { setStore: string }
  | { set: [key: string, value: unknown] }
  | { keys: true }
  | { clear: true }
  | string;

/** `setStore` with "" goes back to the node's own store. */
export type DbMessage =
  | { type: "insert"; collection: string; doc: object }
  | { type: "find"; collection: string; query?: Query; sort?: FindOptions["sort"]; skip?: number; limit?: number; fields?: string[] }
  | { type: "count"; collection: string; query?: Query }
  | { type: "findOne" | "delete"; collection: string; id: string }
  | { type: "update" | "replace"; collection: string; id: string; doc: object }
  | { type: "drop"; collection: string }
  | { type: "setStore"; value: string }
  | { insert: [collection: string, doc: object] }
  | { find: string | [collection: string, query?: Query, options?: Pick<FindOptions, "sort" | "skip" | "limit" | "fields">] }
  | { count: string | [collection: string, query?: Query] }
  | { findOne: [collection: string, id: string] }
  | { delete: [collection: string, id: string] }
  | { update: [collection: string, id: string, doc: object] }
  | { replace: [collection: string, id: string, doc: object] }
  | { drop: string }
  | { setStore: string }
  | string;

/** `value` is null when not found. */
export type KvOutput =
  | { op: "get"; key: string; value: unknown; found: boolean }
  | { op: "set"; key: string; ok: true }
  | { op: "delete"; key: string; deleted: boolean }
  | { op: "keys"; keys: string[] }
  | { op: "clear"; ok: true }
  | { op: "has"; key: string; exists: boolean }
  | { op: "setStore"; value: string; ok: true }
  | { op: "error"; message: string; code: ErrorCode };

/** `ok` of update, replace and delete says whether the document was there. */
export type DbOutput =
  | { op: "insert"; collection: string; id: string }
  | { op: "find"; collection: string; docs: Doc[]; count: number }
  | { op: "findOne"; collection: string; id: string; doc: Doc | null }
  | { op: "update"; collection: string; id: string; ok: boolean }
  | { op: "replace"; collection: string; id: string; ok: boolean }
  | { op: "delete"; collection: string; id: string; ok: boolean }
  | { op: "count"; collection: string; count: number }
  | { op: "drop"; collection: string; ok: true }
  | { op: "setStore"; value: string; ok: true }
  | { op: "error"; message: string; code: ErrorCode };
