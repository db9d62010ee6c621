import { inPage } from "./api/harness.mjs";

inPage({
  "kv object: every message in every form, with its output": async ({ open, same }) => {
    const patch = await open();
    const forms = {
      typed: {
        get: { type: "get", key: "k" },
        set: { type: "set", key: "k", value: { a: [1] } },
        has: { type: "has", key: "k" },
        keys: { type: "keys" },
        delete: { type: "delete", key: "k" },
        clear: { type: "clear" },
        named: { type: "setStore", value: "shared" },
        own: { type: "setStore", value: "" },
      },
      shorthand: {
        get: { get: "k" },
        set: { set: ["k", { a: [1] }] },
        has: { has: "k" },
        keys: { keys: true },
        delete: { delete: "k" },
        clear: { clear: true },
        named: { setStore: "shared" },
        own: { setStore: "" },
      },
      text: {
        get: "get k",
        set: 'set k {"a": [1]}',
        has: "has k",
        keys: "keys",
        delete: "delete k",
        clear: "clear",
        named: "setStore shared",
        own: 'setStore ""',
      },
    };
    for (const [form, say] of Object.entries(forms)) {
      const node = `node of ${form}`;
      const object = patch.kvObject({ node });
      const { kv } = patch.node(node);
      const gives = async (message, output) => same(await object.send(message), output, `${form}:`);
      await gives(say.get, { op: "get", key: "k", value: null, found: false });
      await gives(say.has, { op: "has", key: "k", exists: false });
      await gives(say.delete, { op: "delete", key: "k", deleted: false });
      await gives(say.keys, { op: "keys", keys: [] });
      await gives(say.set, { op: "set", key: "k", ok: true });
      same(await kv.get("k"), { a: [1] });
      await gives(say.get, { op: "get", key: "k", value: { a: [1] }, found: true });
      await gives(say.has, { op: "has", key: "k", exists: true });
      await gives(say.keys, { op: "keys", keys: ["k"] });
      await gives(say.delete, { op: "delete", key: "k", deleted: true });
      same(await kv.has("k"), false);
      await gives(say.set, { op: "set", key: "k", ok: true });
      await gives(say.named, { op: "setStore", value: "shared", ok: true });
      same(object.scope, { name: "shared" });
      await gives(say.get, { op: "get", key: "k", value: null, found: false });
      await patch.kv("shared").set("other", 1);
      await gives(say.keys, { op: "keys", keys: ["other"] });
      await gives(say.clear, { op: "clear", ok: true });
      same(await patch.kv("shared").count(), 0);
      await gives(say.own, { op: "setStore", value: "", ok: true });
      same(object.scope, { node });
      await gives(say.get, { op: "get", key: "k", value: { a: [1] }, found: true });
      await gives(say.clear, { op: "clear", ok: true });
      same(await kv.keys(), []);
    }
  },

  "kv object: values that only objects carry": async ({ open, same, ok }) => {
    const patch = await open();
    const object = patch.kvObject({ node: "n" });
    const values = [null, undefined, -0, NaN, 5n, "", new Date(3), new Uint8Array([1, 2]), new Map([[1, new Set([2])]])];
    for (const value of values.filter((value) => value !== undefined)) {
      same(await object.send({ type: "set", key: "v", value }), { op: "set", key: "v", ok: true });
      same(await object.send({ get: "v" }), { op: "get", key: "v", value, found: true });
    }
    await object.send({ set: ["blob", new Blob(["bytes"], { type: "text/plain" })] });
    const { value } = await object.send("get blob");
    ok(value instanceof Blob && value.type === "text/plain");
    same(await value.text(), "bytes");
    // `undefined` is no value: the key is deleted instead.
    for (const message of [{ set: ["v", undefined] }, { type: "set", key: "v", value: undefined }]) {
      const refused = await object.send(message);
      same([refused.op, refused.code], ["error", "NotStorable"]);
      ok(refused.message.includes("$"), refused.message);
    }
    same((await object.send("get v")).found, true);
  },

  "kv object: messages take effect in the order in which they were sent, as they were then": async ({ open, same }) => {
    const patch = await open();
    const object = patch.kvObject({ node: "n" });
    const message = { set: ["k", { list: [1] }] };
    const blob = object.send({ set: ["blob", new Blob(["a"])] });
    const sent = [object.send(message)];
    message.set[1].list.push(2);
    message.set[0] = "elsewhere";
    sent.push(object.send({ get: "k" }));
    sent.push(object.send("setStore shared"));
    sent.push(object.send(message), object.send("keys"), object.send({ setStore: "" }), object.send("keys"));
    same(object.scope, { node: "n" });
    const outputs = await Promise.all(sent);
    same((await blob).ok, true);
    same(outputs, [
      { op: "set", key: "k", ok: true },
      { op: "get", key: "k", value: { list: [1] }, found: true },
      { op: "setStore", value: "shared", ok: true },
      { op: "set", key: "elsewhere", ok: true },
      { op: "keys", keys: ["elsewhere"] },
      { op: "setStore", value: "", ok: true },
      { op: "keys", keys: ["blob", "k"] },
    ]);
    same(await patch.kv("shared").get("elsewhere"), { list: [1, 2] });
  },

  "kv object: where it is placed, and setStore": async ({ open, same, throws }) => {
    const patch = await open();
    const object = patch.kvObject({ node: "n", name: "shared" });
    same(object.scope, { name: "shared" });
    await object.send("set k 1");
    same(await patch.kv("shared").get("k"), 1);
    object.setStore();
    same(object.scope, { node: "n" });
    same((await object.send("get k")).found, false);
    object.setStore("n");
    same(object.scope, { name: "n" });
    object.setStore("");
    same(object.scope, { node: "n" });
    object.setStore("shared");
    for (const wrong of [null, 1, {}, "x".repeat(1001)]) {
      throws(() => object.setStore(wrong), "InvalidArgument");
      const output = await object.send({ setStore: wrong });
      same([output.op, output.code], ["error", "InvalidArgument"]);
    }
    same(object.scope, { name: "shared" }, "as it was");
    same((await object.send("get k")).value, 1);
    for (const at of [undefined, null, "n", [], {}, { node: "" }, { node: 1 }, { node: "x".repeat(1001) },
      { node: "n", name: "" }, { node: "n", name: 5 }, { node: "n", store: "s" }, { name: "s" }]) {
      throws(() => patch.kvObject(at), "InvalidArgument", {}, JSON.stringify(at));
      throws(() => patch.dbObject(at), "InvalidArgument", {}, JSON.stringify(at));
    }
    same(patch.kvObject({ node: "n", name: undefined }).scope, { node: "n" });
    const strange = "\0\ud800";
    same(patch.kvObject({ node: strange, name: strange }).scope, { name: strange });
  },

  "kv object: nodes and named stores never meet, whatever their names": async ({ open, same }) => {
    const patch = await open();
    const names = ["a", "b", "a\0", "\0a", "a:b", "4:node", "node", "__proto__", "constructor", "\ud800", "{node}"];
    const objects = names.flatMap((name) => [
      [`node ${name}`, patch.kvObject({ node: name })],
      [`name ${name}`, patch.kvObject({ node: "some node", name })],
    ]);
    for (const [label, object] of objects) await object.send({ set: ["k", label] });
    for (const [label, object] of objects) {
      same((await object.send("get k")).value, label);
      same((await object.send("keys")).keys, ["k"]);
    }
    for (const [, object] of objects.slice(1)) await object.send("clear");
    same((await objects[0][1].send("get k")).value, "node a");
    same(await patch.node("a").kv.get("k"), "node a");
    same(await patch.node("some node").kv.count(), 0);
  },

  "kv object: a closed patch": async ({ open, same, throws }) => {
    const patch = await open();
    const object = patch.kvObject({ node: "n" });
    const documents = patch.dbObject({ node: "n" });
    const before = object.send("set k 1");
    await patch.close();
    same(await before, { op: "set", key: "k", ok: true });
    for (const message of [{ get: "k" }, "keys", "setStore x", { type: "setStore", value: "" }, "no such thing", 5]) {
      for (const each of [object, documents]) {
        const { op, code } = await each.send(message);
        same([op, code], ["error", "Closed"], JSON.stringify(message));
      }
    }
    throws(() => object.setStore("x"), "Closed");
    throws(() => patch.kvObject({ node: "n" }), "Closed");
  },
});
