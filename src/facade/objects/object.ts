import { PatchStoreError } from "../base/errors.js";
import type { Handle } from "../bridge/handle.js";
import { name } from "../base/names.js";
import { known } from "../base/options.js";
import type { Stores } from "../stores/stores.js";
import type { DbMessage, DbOutput, KvMessage, KvOutput, MessageObject, Scope } from "../base/types.js";
import { DB_OPERATIONS } from "./db-operations.js";
import { callOf } from "./forms.js";
import { KV_OPERATIONS } from "./kv-operations.js";
import { isWord, SET_STORE, type Operation, type Operations } from "./operations.js";

/** The scope of a message object: the node's own store, or the named store if there is a name. */
interface Place {
  node: string;
  name?: string;
}

export function kvObject(handle: Handle, stores: Stores, at: Place): MessageObject<KvMessage, KvOutput> {
  return new StoreObject(handle, KV_OPERATIONS, at, (node, named) =>
    named === undefined ? stores.node(node).kv : stores.kv(named),
  );
}

export function dbObject(handle: Handle, stores: Stores, at: Place): MessageObject<DbMessage, DbOutput> {
  return new StoreObject(handle, DB_OPERATIONS, at, (node, named) =>
    named === undefined ? stores.node(node).db : stores.db(named),
  );
}

/** A store that is driven by messages. */
class StoreObject<Store, Message, Output> implements MessageObject<Message, Output> {
  readonly #handle: Handle;
  readonly #operations: Operations<Store>;
  readonly #node: string;
  readonly #open: (node: string, named: string | undefined) => Store;
  #store: Store;
  #scope: Scope;

  constructor(
    handle: Handle,
    operations: Operations<Store>,
    at: Place,
    open: (node: string, named: string | undefined) => Store,
  ) {
    const { node, name: named } = known("at", at, ["node", "name"]);
    name(node, "node id");
    this.#handle = handle;
    this.#operations = operations;
    this.#node = node as string;
    this.#open = open;
    this.#store = open(this.#node, named);
    this.#scope = scopeOf(this.#node, named);
  }

  get scope(): Scope {
    return this.#scope;
  }

  setStore(storeName?: string): void {
    const named = storeName === "" ? undefined : storeName;
    this.#store = this.#open(this.#node, named);
    this.#scope = scopeOf(this.#node, named);
  }

  async send(message: unknown): Promise<Output> {
    try {
      // Nothing is awaited before `run` is called, so messages are read when they are sent and take
      // effect in that order.
      this.#handle.check();
      const { op, operation, args } = callOf(this.#operations, message);
      if ((operation as Operation<unknown>) === SET_STORE) this.setStore(args[0] as string);
      const result = operation.run(this.#store, ...args);
      const output: Record<string, unknown> = { op };
      operation.takes.forEach((each, at) => {
        if (isWord(each)) output[each.field] = args[at];
      });
      return Object.assign(output, await result) as Output;
    } catch (error) {
      return errorOutput(error) as Output;
    }
  }
}

function scopeOf(node: string, named: string | undefined): Scope {
  return Object.freeze(named === undefined ? { node } : { name: named });
}

function errorOutput(error: unknown): KvOutput & { op: "error" } {
  const { message, code } =
    error instanceof PatchStoreError
      ? error
      : { message: "the message hit a defect of the library", code: "Internal" as const };
  return { op: "error", message, code };
}
