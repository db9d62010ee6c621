import { inPage } from "./api/harness.mjs";

inPage({
  "objects: what fits no form, or several, is an error output": async ({ open, same }) => {
    const patch = await open();
    const kv = patch.kvObject({ node: "n" });
    const wrong = [
      undefined, null, true, 0, 1n, NaN, Symbol("s"), () => 1, [], ["set", "k", 1], [{ get: "k" }], {}, { key: "k" }, { k: 1 },
      new Date(), new Map([["get", "k"]]), new Set(), new Uint8Array([1]), /x/, Promise.resolve("keys"), new Error("e"), new Blob(["keys"]),
      new String("keys"), Object.create({ type: "keys" }), Object.create({ get: "k" }), document.body, globalThis,
      { type: undefined }, { type: null }, { type: {} }, { type: "" }, { type: "Get", key: "k" }, { type: "insert", collection: "c", doc: {} },
      { type: "toString" }, { type: "__proto__" }, { type: "constructor" }, { toString: "k" }, { constructor: true },
      { type: "get" }, { type: "get", key: 5 }, { type: "get", key: undefined }, { type: "get", key: "k", value: 1 }, { type: "get", Key: "k" },
      { type: "get", key: "k", get: "k" }, { type: "set", key: "k" }, { type: "set", value: 1 }, { type: "setStore" }, { type: "keys", keys: true },
      { get: "a", has: "a" }, { get: "a", set: ["a", 1] }, { get: "a", more: 1 }, { get: "a", has: undefined }, { get: ["k"] }, { get: undefined },
      { get: {} }, { get: new String("k") }, { has: null }, { delete: 1 }, { set: "k" }, { set: [] }, { set: ["k"] }, { set: ["k", 1, 2] },
      { set: { k: 1 } }, { set: [1, 1] }, { set: new Array(5) }, { keys: false }, { keys: 1 }, { keys: {} }, { clear: "true" }, { clear: undefined },
      { setStore: null }, { setStore: ["x"] }, { get: "x".repeat(1001) }, { type: "set", key: "x".repeat(1001), value: 1 },
      JSON.parse('{"__proto__": {"type": "keys"}}'), JSON.parse('{"type": "keys", "__proto__": 1}'), JSON.parse('{"__proto__": "k"}'),
    ];
    for (const [at, message] of wrong.entries()) {
      const output = await kv.send(message);
      same(Object.keys(output), ["op", "message", "code"], `message ${at}`);
      same([output.op, output.code, typeof output.message], ["error", "InvalidArgument", "string"], `message ${at}, ${output.message}`);
    }
    same((await kv.send("keys")).keys, []);
    // A prototype in which something is left lying about makes no message of anything.
    Object.prototype.type = "set";
    Object.prototype.key = "k";
    Object.prototype.value = "polluted";
    try {
      same((await kv.send({})).op, "error");
      same((await kv.send({ type: "set" })).op, "error");
      same((await kv.send({ get: "k" })).found, false);
    } finally {
      for (const name of ["type", "key", "value"]) delete Object.prototype[name];
    }
  },

  "objects: messages that throw, lie, or send messages while they are read": async ({ open, same, ok }) => {
    const patch = await open();
    const kv = patch.kvObject({ node: "n" });
    const db = patch.dbObject({ node: "n" });
    const { proxy: gone, revoke } = Proxy.revocable({}, {});
    revoke();
    const throws = [new Error("expected by a test"), undefined, Symbol("s"), gone, { toString() { throw 1; } }, Object.create(null)];
    for (const reason of throws) {
      const bad = { get() { throw reason; } };
      const thrower = () => { throw reason; };
      const messages = [
        ["InvalidArgument", gone],
        ["InvalidArgument", new Proxy({}, { ownKeys: thrower })],
        ["InvalidArgument", new Proxy({ get: "k" }, { get: thrower })],
        ["InvalidArgument", Object.defineProperty({ type: "get" }, "key", { ...bad, enumerable: true })],
        ["InvalidArgument", Object.defineProperty({ key: "k" }, "type", { ...bad, enumerable: true })],
        ["InvalidArgument", { set: new Proxy(["k", 1], { get: thrower }) }],
        ["InvalidArgument", { set: gone }],
        ["InvalidArgument", { get: gone }],
        ["NotStorable", { set: ["k", gone] }],
        ["NotStorable", { set: ["k", Object.defineProperty({}, "a", { ...bad, enumerable: true })] }],
        ["NotStorable", { set: ["k", new Proxy({}, { getPrototypeOf: thrower })] }],
      ];
      for (const [at, [code, message]] of messages.entries()) {
        const output = await kv.send(message);
        same([output.op, output.code], ["error", code], `message ${at}: ${output.message}`);
      }
      const documents = [
        ["InvalidArgument", gone],
        ["InvalidArgument", { insert: [gone, {}] }],
        ["NotStorable", { insert: ["c", gone] }],
        ["NotStorable", { type: "update", collection: "c", id: "x", doc: new Proxy({}, { getPrototypeOf: thrower }) }],
        ["NotStorable", { insert: ["c", Object.defineProperty({}, "_id", { ...bad, enumerable: true })] }],
        ["InvalidArgument", { find: ["c", gone] }],
        ["InvalidArgument", { find: ["c", Object.defineProperty({}, "a", { ...bad, enumerable: true })] }],
      ];
      for (const [at, [code, message]] of documents.entries()) {
        const output = await db.send(message);
        same([output.op, output.code], ["error", code], `document ${at}: ${output.message}`);
      }
    }
    // Each property is read once, so that a message cannot be one thing when it is checked and another later.
    const reads = [];
    const once = (target) => new Proxy(target, { get: (t, name) => (reads.push(String(name)), Reflect.get(t, name)) });
    await kv.send(once({ type: "set", key: "a", value: 1 }));
    same(reads.splice(0).sort(), ["key", "type", "value"]);
    await kv.send(once({ set: once(["b", 2]) }));
    same(reads.splice(0).filter((name) => name !== "length").sort(), ["0", "1", "set"]);
    let asked = 0;
    const shifty = { get type() { return ["set", "clear"][asked++]; }, key: "c", value: 3 };
    same((await kv.send(shifty)).op, "set");
    same(asked, 1);
    for (const length of [0, 1, 3, 1e9, -1, NaN, "2", {}, undefined]) {
      const list = new Proxy(["k", 1], { get: (target, name) => (name === "length" ? length : target[name]) });
      const { op } = await kv.send({ set: list });
      ok(["error", "set"].includes(op));
    }
    // A getter may send messages itself, to the same object too; they come first.
    const inner = [];
    const nested = { set: ["outer", { get a() { return inner.push(kv.send("set inner 1"), kv.send("setStore shared")), 1; } }] };
    same((await kv.send(nested)).op, "set");
    const outputs = await Promise.all(inner);
    ok(outputs.length >= 2 && outputs.every(({ op }) => op !== "error"), JSON.stringify(outputs));
    kv.setStore();
    ok((await kv.send("keys")).keys.includes("inner"));
    // Without its object, send still does not reject.
    const { send } = kv;
    same((await send("keys")).op, "error");
    // A getter that closes the patch.
    const output = await kv.send({ set: ["k", { get a() { return patch.close(), 1; } }] });
    same([output.op, output.code], ["error", "Closed"]);
  },

  "objects: a cycle is refused with the place where it closes": async ({ open, same, ok }) => {
    const patch = await open();
    const list = [];
    list.push({ list });
    const doc = { a: {} };
    doc.a.doc = doc;
    const { op, code, message } = await patch.kvObject({ node: "n" }).send({ set: ["k", list] });
    same([op, code], ["error", "NotStorable"]);
    ok(message.includes("$[0].list"), message);
    const refused = await patch.dbObject({ node: "n" }).send({ type: "insert", collection: "c", doc });
    same([refused.op, refused.code], ["error", "NotStorable"]);
    ok(refused.message.includes("$.a.doc"), refused.message);
    const message2 = { type: "set", key: "k" };
    message2.value = message2;
    same((await patch.kvObject({ node: "n" }).send(message2)).code, "NotStorable");
    same((await patch.node("n").kv.keys()).length, 0);
  },
});
