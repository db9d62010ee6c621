/** Notes which calls of the public API are made, and with which options. Runs in pages, in workers and in Node. */

/** What becomes of a member: an object whose calls are noted, too. */
const LEADS_TO = {
  "Patch.kv": "KV",
  "Patch.db": "DB",
  "Patch.node": "Node",
  "Patch.blobs": "Blobs",
  "Patch.meta": "Meta",
  "Patch.opLog": "OpLog",
  "Patch.keyring": "Keyring",
  "Patch.kvObject": "MessageObject",
  "Patch.dbObject": "MessageObject",
  "Patch.serve": "Served",
  "Tx.kv": "KV",
  "Tx.db": "DB",
  "Tx.node": "Node",
  "Tx.blobs": "Blobs",
  "Tx.meta": "Meta",
  "Connection.kv": "KV",
  "Connection.db": "DB",
  "Connection.blobs": "Blobs",
  "Node.kv": "KV",
  "Node.db": "DB",
  "KV.store": "KV",
  "DB.store": "DB",
  "DB.collection": "Collection",
  "package.openPatch": "Patch",
};

/** Names that the types may declare; others are a document's. */
const OPTION = /^\$?[a-z_]+$/i;

/** What was called, as "Patch.kv", "Tx KV.set", "Sandbox DB.find", and the names of all options. */
export class Calls {
  /** @type {Set<string>} */
  made = new Set();
  /** @type {Set<string>} the names of members of what was given, and "type:set" for messages */
  named = new Set();

  /**
   * Stands for an object of the public API, and notes what is called there.
   * @param {string} kind the name of its type
   * @param {any} object
   * @param {string} where "" or "Tx " or "Sandbox ": what its name begins with
   */
  of(kind, object, where = "") {
    const lead = (name, value) => {
      const next = LEADS_TO[`${kind}.${name}`];
      return next === undefined || value === undefined ? value : this.of(next, value, where);
    };
    // (No proxy of the object itself: what is frozen would have to be handed out as it is.)
    return new Proxy(Object.create(null), {
      get: (_, name) => {
        const value = object[name];
        if (typeof name === "symbol" || value === undefined) return value;
        this.made.add(`${where}${kind}.${name}`);
        if (typeof value !== "function") return lead(name, value);
        return (...given) => {
          for (const each of given) this.#note(each);
          const inside = `${kind}.${name}` === "Patch.transaction";
          const [work, ...rest] = given;
          const result = inside ? value.call(object, (tx) => work(this.of("Tx", tx, "Tx ")), ...rest) : value.apply(object, given);
          return name === "openPatch" ? result.then((patch) => lead(name, patch)) : lead(name, result);
        };
      },
    });
  }

  /** Adds what another realm has noted. */
  add({ made, named }) {
    for (const each of made) this.made.add(each);
    for (const each of named) this.named.add(each);
  }

  #note(given) {
    if (Array.isArray(given)) for (const each of given) this.#note(each);
    if (typeof given !== "object" || given === null || Object.getPrototypeOf(given) !== Object.prototype) return;
    for (const [name, value] of Object.entries(given)) {
      if (OPTION.test(name)) this.named.add(name);
      if (name === "type" && typeof value === "string") this.named.add(`type:${value}`);
      this.#note(value);
    }
  }
}
