import { inPage } from "./api/harness.mjs";

inPage({
  "values: long strings, bytes and documents come back as they were": async ({ open, same }) => {
    const patch = await open();
    const kv = patch.kv("s");
    const db = patch.db("d");
    const long = "ab".repeat(5000);
    const backing = Uint8Array.from({ length: 20_000 }, (_, at) => at % 251);
    class Own extends Uint8Array {}
    const values = {
      ascii: long,
      "not ASCII, at the end": `${long}é`,
      "beyond the first plane": "😀".repeat(3000),
      "a lone surrogate": `${long}\ud800`,
      "control characters": "\0\n\u001f".repeat(2000),
      "about the limit": "x".repeat(4096),
      "one above it": "x".repeat(4097),
      "two bytes of length": "x".repeat(16_383),
      "three bytes of length": "x".repeat(16_384),
      bytes: backing,
      "part of a buffer": backing.subarray(7, 7 + 9000),
      "a buffer": backing.buffer,
      "other elements": new Float64Array(2000).fill(0.1),
      "an object": { text: long, list: Array.from({ length: 3000 }, (_, at) => ({ at })), "\ud800": "ü" },
      "an object of more than JSON": { text: long, none: undefined, big: 1n },
    };
    for (const [name, value] of Object.entries(values)) {
      const expected = structuredClone(value);
      const done = kv.set(name, value);
      const inserted = db.insert("c", { _id: name, value });
      if (value === backing) backing[0] = 99;
      await Promise.all([done, inserted]);
      if (value === backing) backing[0] = 0;
      same(await kv.get(name), expected, `kv, ${name}:`);
      same((await db.findOne("c", name)).value, expected, `db, ${name}:`);
      same(await kv.update(name, (old) => [old]), [expected], `update, ${name}:`);
      same(await kv.get(name), [expected], `updated, ${name}:`);
    }
    await kv.setMany(Object.entries(values));
    same(await kv.getMany(Object.keys(values)), Object.values(values), "many:");
    const refused = await kv.set("own", new Own(9000)).catch((error) => error);
    same(refused.code, "NotStorable");
    same(await kv.has("own"), false);
  },

  "values: thousands of random values come back as structuredClone has them": async ({ open, same, random }) => {
    const patch = await open();
    const kv = patch.kv("s");
    const db = patch.db("d");
    const next = random(20261121);
    const below = (n) => Math.floor(next() * n);
    const pick = (list) => list[below(list.length)];
    const unit = () => pick([below(128), below(0x10000), 0xd800 + below(0x800), 0x22, 0x5c, 10, 0]);
    const string = () => String.fromCharCode(...Array.from({ length: below(12) }, unit));
    const number = () => pick([0, -0, NaN, Infinity, -Infinity, below(1000), -below(1e9), next(), next() * 1e300,
      5e-324, 2 ** 53, Number.MAX_VALUE]);
    const bigint = () => {
      const magnitude = BigInt("0x" + Array.from({ length: 1 + below(40) }, () => below(16).toString(16)).join(""));
      return next() < 0.5 ? magnitude : -magnitude;
    };
    const bytes = () => Uint8Array.from({ length: below(40) }, () => below(256)).buffer;
    const view = () => {
      const Kind = pick([Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
        Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView]);
      const size = Kind.BYTES_PER_ELEMENT ?? 1;
      return new Kind(Uint8Array.from({ length: size * below(6) }, () => below(256)).buffer);
    };
    const flat = [() => null, () => true, () => false, number, number, string, string];
    const exact = [() => undefined, bigint, () => new Date(pick([0, below(2e12), NaN, -1])), bytes, view];
    const value = (depth, kinds) => {
      if (depth > 3 || next() < 0.4) return pick(kinds)();
      const many = below(5);
      const items = Array.from({ length: many }, () => value(depth + 1, kinds));
      const key = () => pick([string(), String(below(20)), "__proto__", "constructor", "toString", "a", ""]);
      const object = () => {
        const out = next() < 0.1 ? Object.create(null) : {};
        for (const item of items) {
          Object.defineProperty(out, key(), { value: item, enumerable: true, configurable: true, writable: true });
        }
        return out;
      };
      if (kinds === flat || next() < 0.7) return next() < 0.5 ? items : object();
      return next() < 0.5 ? new Map(items.map((item) => [value(depth + 1, kinds), item])) : new Set(items);
    };
    const rounds = 3000;
    const expected = [];
    for (let at = 0; at < rounds; at++) {
      const made = value(0, at % 2 ? [...flat, ...exact] : flat) ?? null;
      expected.push(structuredClone(made));
      void kv.set(`k${at}`, made);
      const id = db.insert("c", { _id: `d${at}`, value: made });
      if (at % 100 === 99) await id;
    }
    for (let at = 0; at < rounds; at++) {
      same(await kv.get(`k${at}`), expected[at], `kv round ${at}:`);
      same((await db.findOne("c", `d${at}`)).value, expected[at], `db round ${at}:`);
    }
    const docs = await db.find("c");
    same(docs.map((doc) => doc.value), expected, "find:");
    const entries = new Map(await kv.entries());
    expected.forEach((each, at) => same(entries.get(`k${at}`), each, `entries ${at}:`));
  },

  "values: each kind by itself": async ({ open, same, ok }) => {
    const kv = (await open()).kv("s");
    const there = async (value, expected = value) => {
      await kv.set("k", value);
      same(await kv.get("k"), expected);
      await kv.set("k", { in: [value] });
      same(await kv.get("k"), { in: [expected] });
      return kv.get("k").then((found) => found.in[0]);
    };
    for (const value of [null, true, false, 0, -0, NaN, Infinity, -Infinity, 1.5, 2 ** 60, "", "\ud800x", "\udc00\ud800",
      "\u{10ffff}", "\0", 0n, -1n, 2n ** 200n, -(2n ** 64n), new Date(0), new Date(NaN), new ArrayBuffer(0),
      new Uint8Array([1, 2]), new Map(), new Set(), [], {}, [undefined], { u: undefined }]) {
      await there(value);
    }
    await there([1, , 3], [1, undefined, 3]);
    await there(new Array(3), [undefined, undefined, undefined]);
    await there(Object.create(null), {});
    await there(new Map([[{ a: 1 }, new Set([1, "1"])], [NaN, -0]]));
    const shared = { a: 1 };
    const twice = await there({ x: shared, y: shared });
    ok(twice.x !== twice.y, "stored twice");
    const buffer = Uint8Array.from({ length: 100 }, (_, at) => at).buffer;
    const part = await there(new Uint16Array(buffer, 10, 4), new Uint16Array(buffer.slice(10, 18)));
    same(part.buffer.byteLength, 8, "just its own elements");
    await there(new DataView(buffer, 3, 5), new DataView(buffer.slice(3, 8)));
    const object = JSON.parse('{"z":1,"__proto__":{"x":1},"b":2,"10":0,"9":0}');
    await there(object);
    const found = await there(object);
    ok(Object.hasOwn(found, "__proto__") && Object.getPrototypeOf(found) === Object.prototype);
    await there({ toJSON: "not a function" });
    await there(Object.defineProperty({ a: 1 }, "toJSON", { value: () => "wrong" }), { a: 1 });
    await there({ [Symbol("ignored")]: 1, a: 1 }, { a: 1 });
    await there(Object.defineProperty({ a: 1 }, "hidden", { value: 1, enumerable: false }), { a: 1 });
    await there({ get a() { return 5; } }, { a: 5 });
    if (typeof Float16Array === "function") await there(new Float16Array([1, 2]));
    await there({ [Symbol.toStringTag]: "Map", a: 1 }, { a: 1 });
  },

  "values: other realms, proxies and frozen objects": async ({ open, same }) => {
    const kv = (await open()).kv("s");
    const frame = document.createElement("iframe");
    document.body.append(frame);
    const foreign = frame.contentWindow.eval(
      "({a: [1, {b: 2}], d: new Date(7), m: new Map([[1, 2]]), s: new Set([3]), u: new Uint8Array([4]), n: Object.create(null)})",
    );
    await kv.set("foreign", foreign);
    frame.remove();
    same(await kv.get("foreign"), {
      a: [1, { b: 2 }], d: new Date(7), m: new Map([[1, 2]]), s: new Set([3]), u: new Uint8Array([4]), n: {},
    });
    const deep = (value) => (typeof value === "object" && value !== null
      ? new Proxy(value, { get: (target, name, self) => deep(Reflect.get(target, name, self)) })
      : value);
    await kv.set("proxy", deep({ a: [1, { b: "c" }], list: [[]] }));
    same(await kv.get("proxy"), { a: [1, { b: "c" }], list: [[]] });
    // As reactive libraries wrap collections: methods are bound to what is behind.
    const collection = (target) => new Proxy(target, {
      get(it, name) {
        const member = Reflect.get(it, name, it);
        return typeof member === "function" ? member.bind(it) : member;
      },
    });
    await kv.set("collections", [collection(new Map([["a", 1]])), collection(new Set([1]))]);
    same(await kv.get("collections"), [new Map([["a", 1]]), new Set([1])]);
    await kv.set("frozen", Object.freeze({ a: Object.freeze([1]) }));
    same(await kv.get("frozen"), { a: [1] });
  },

  "values: what pretends to be of another kind is what its slots say": async ({ open, same, rejects }) => {
    const patch = await open();
    const kv = patch.kv("s");
    const there = async (value, expected) => {
      await kv.set("k", { in: [value, new Date(1)] });
      same((await kv.get("k")).in[0], expected);
    };
    const tagged = (value, tag) => Object.defineProperty(value, Symbol.toStringTag, { value: tag });
    await there(tagged(new Date(7), "Map"), new Date(7));
    await there(tagged(new Map([[1, 2]]), "Date"), new Map([[1, 2]]));
    await there(tagged(new Uint16Array([1, 300]), "Uint8Array"), new Uint16Array([1, 300]));
    await there(tagged(new DataView(new ArrayBuffer(2)), "Int8Array"), new DataView(new ArrayBuffer(2)));
    await there(Object.defineProperties(Uint8Array.from([1, 2, 3, 4]).subarray(1, 3), {
      byteLength: { value: 4 }, byteOffset: { value: 0 }, length: { value: 9 }, buffer: { value: new ArrayBuffer(9) },
    }), new Uint8Array([2, 3]));
    await there(Object.defineProperty(new Date(7), "getTime", { value: () => 8 }), new Date(7));
    await there({ getTime: 1, byteLength: 2, size: 3 }, { getTime: 1, byteLength: 2, size: 3 });
    class Pretender {
      get [Symbol.toStringTag]() {
        return "Date";
      }
    }
    const none = [Object.create(Date.prototype), Object.create(ArrayBuffer.prototype), Object.create(Uint8Array.prototype),
      Object.create(Blob.prototype), new Pretender(), new (class extends DataView {})(new ArrayBuffer(1)), new Proxy(new Date(7), {})];
    // The first of a class decides nothing about the next.
    for (const value of [new Date(7), new ArrayBuffer(1), ...none, new Date(8), ...none]) {
      if (none.includes(value)) await rejects(kv.set("k", { v: value }), "NotStorable", { path: "$.v" });
      else await there(value, value);
    }
    const turned = new Pretender();
    Object.setPrototypeOf(turned, Date.prototype);
    await rejects(kv.set("k", [turned]), "NotStorable", { path: "$[0]" });
  },

  "values: texts that JSON.stringify would take over unread are refused": async ({ open, same, ok, rejects }) => {
    ok(typeof JSON.rawJSON === "function", "this browser has JSON.rawJSON");
    const patch = await open();
    const [kv, db] = [patch.kv("s"), patch.db("d")];
    const raw = JSON.rawJSON("12345678901234567890");
    for (const [value, path] of [[raw, "$"], [[1, raw], "$[1]"], [{ a: { raw } }, "$.a.raw"],
      [{ at: new Date(1), raw }, "$.raw"], [new Map([["k", raw]]), "$[0][1]"], [{ s: JSON.rawJSON('"text"') }, "$.s"]]) {
      await rejects(kv.set("k", value), "NotStorable", { path, message: /rawJSON/ });
      await rejects(kv.setMany([["k", value]]), "NotStorable", { path });
      await rejects(kv.update("k", () => value), "NotStorable", { path });
      const inDoc = path.replace("$", "$.v");
      await rejects(db.insert("c", { v: value }), "NotStorable", { path: inDoc });
      await rejects(db.insertMany("c", [{ v: value }]), "NotStorable", { path: inDoc });
      await rejects(db.update("c", "id", { v: value }), "NotStorable", { path: inDoc });
      await rejects(db.find("c", { v: value }), "InvalidArgument", { path: inDoc });
      same((await patch.kvObject({ node: "n" }).send({ set: ["k", value] })).code, "NotStorable");
    }
    await rejects(db.insert("c", raw), "NotStorable", { path: "$" });
    same([await kv.keys(), await db.collections()], [[], []]);
    // A look-alike is an object as any other.
    await kv.set("k", { rawJSON: "1", at: Object.freeze(Object.assign(Object.create(null), { rawJSON: "1" })) });
    same(await kv.get("k"), { rawJSON: "1", at: { rawJSON: "1" } });
  },

  "values: Blobs and Files, anywhere, in program order": async ({ open, same, ok }) => {
    const patch = await open();
    const kv = patch.kv("s");
    const file = new File([new Uint8Array([0, 255, 10])], "näme\ud83d.txt", { type: "text/plain", lastModified: 12345 });
    const blob = new Blob(["x".repeat(70_000)], { type: "text/css" });
    const set = kv.set("k", { deep: [file, { blob }], map: new Map([[blob, file]]), n: 1 });
    const between = kv.get("k");
    const later = kv.set("k2", "after");
    const last = kv.keys();
    same((await between).n, 1);
    same(await last, ["k", "k2"]);
    await Promise.all([set, later]);
    const found = await kv.get("k");
    ok(found.deep[0] instanceof File && found.deep[1].blob instanceof Blob);
    same([found.deep[0].name, found.deep[0].type, found.deep[0].lastModified, found.deep[0].size],
      [file.name, "text/plain", 12345, 3]);
    same(new Uint8Array(await found.deep[0].arrayBuffer()), new Uint8Array([0, 255, 10]));
    same([found.deep[1].blob.type, await found.deep[1].blob.text()], ["text/css", "x".repeat(70_000)]);
    ok(!(found.deep[1].blob instanceof File), "a Blob is no File");
    const [[key, value]] = found.map;
    same([await key.text(), value.name], [await blob.text(), file.name]);
    await kv.set("k", new Blob([]));
    same((await kv.get("k")).size, 0);
    const racing = [kv.set("r", blob), kv.set("r", 1), kv.update("r", (old) => old + 1), kv.setMany([["r2", blob]]),
      kv.delete("r2")];
    await Promise.all(racing);
    same([await kv.get("r"), await kv.has("r2")], [2, false]);
    const id = await patch.db("d").insert("c", { blob });
    same((await patch.db("d").findOne("c", id)).blob.size, 70_000);
    await patch.db("d").insertMany("c", [{ n: 1 }, { blob }]);
    same(await patch.db("d").count("c"), 3);
  },

  "values: what cannot be stored is refused with its path": async ({ open, same, rejects }) => {
    const patch = await open();
    const kv = patch.kv("s");
    const db = patch.db("d");
    const refused = async (value, path, more = {}) => {
      await rejects(kv.set("k", value), "NotStorable", { path, remedy: "fix-call", ...more }, `set ${path}`);
      await rejects(kv.setMany([["ok", 1], ["k", value]]), "NotStorable", { path }, `setMany ${path}`);
      const inDoc = path.replace("$", "$.v");
      await rejects(db.insert("c", { v: value }), "NotStorable", { path: inDoc }, `insert ${path}`);
      await rejects(db.insertMany("c", [{}, { v: value }]), "NotStorable", { path: inDoc }, `insertMany ${path}`);
    };
    await refused(() => 1, "$");
    await refused(Symbol("s"), "$");
    await rejects(kv.set("k", undefined), "NotStorable", { path: "$", message: /delete/ });
    await refused({ a: [0, 0, 0, { b: () => 1 }] }, "$.a[3].b", { message: /function/ });
    class Point {}
    await refused({ p: new Point() }, "$.p", { message: /Point/ });
    class Sub extends Map {}
    await refused([new Sub()], "$[0]");
    await refused({ "odd key": { "": Symbol("s") } }, '$["odd key"][""]');
    for (const value of [/x/, new Error("e"), Promise.resolve(1), new WeakMap(), document.body, new Number(1),
      new String("s"), Object(1n), new (class extends Date {})(), new URL("http://a"), new Intl.Collator(),
      (function* () {})(), new MessageChannel().port1]) {
      await refused({ v: value }, "$.v");
      await refused([1, new Map([["k", new Set([1, value])]])], "$[1][0][1][1]");
    }
    if (typeof SharedArrayBuffer === "function") {
      await refused({ s: new SharedArrayBuffer(4) }, "$.s");
      await refused({ s: new Uint8Array(new SharedArrayBuffer(4)) }, "$.s");
    }
    const cycle = { a: [{}] };
    cycle.a[0].back = cycle;
    await refused(cycle, "$.a[0].back", { message: /cycle/ });
    const self = [];
    self.push(1, self);
    await refused(self, "$[1]");
    const map = new Map();
    map.set("m", map);
    await refused(map, "$[0][1]");
    const thrown = new Error("expected by a test");
    await refused({ ok: 1, get bad() { throw thrown; } }, "$.bad", { cause: thrown });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    await refused({ proxy }, "$.proxy");
    const detached = new ArrayBuffer(8);
    structuredClone(detached, { transfer: [detached] });
    await refused({ detached }, "$.detached");
    await refused({ toJSON: () => 1 }, "$.toJSON");
    same(await kv.keys(), []);
    same(await db.count("c"), 0);
  },

  "values: what would never end is refused at once": async ({ open, same }) => {
    const kv = (await open()).kv("s");
    let shared = [1n];
    for (let level = 0; level < 60; level++) shared = [shared, shared];
    const claims = new Proxy([], { get: (target, name) => (name === "length" ? 1e9 : target[name]) });
    const endless = { holes: new Array(2 ** 31), "a proxy that claims": claims, "shared and shared": shared };
    for (const [name, value] of Object.entries(endless)) {
      const error = await kv.set(name, { in: value }).catch((refused) => refused);
      same([error.code, error.path.startsWith("$.in")], ["NotStorable", true], name);
    }
    const sparse = new Array(100_000);
    sparse[99_999] = 1;
    await kv.set("sparse", sparse);
    const back = await kv.get("sparse");
    same([back.length, back[0], back[99_999], 0 in back], [100_000, undefined, 1, true]);
  },

  "values: a thousand levels are stored, one more is not": async ({ open, same, rejects, ok }) => {
    const kv = (await open()).kv("s");
    const nest = (levels, inner, wrap) => {
      let value = inner;
      for (let at = 0; at < levels; at++) value = wrap(value);
      return value;
    };
    for (const wrap of [(v) => [v], (v) => ({ a: v }), (v) => new Map([[1, v]])]) {
      for (const inner of ["leaf", -0]) {
        await kv.set("k", nest(1000, inner, wrap));
        let at = await kv.get("k");
        for (let level = 0; level < 1000; level++) at = at instanceof Map ? at.get(1) : (at.a ?? at[0]);
        same(at, inner);
        await rejects(kv.set("k", nest(1001, inner, wrap)), "NotStorable", { message: /1 ?000/ });
      }
    }
    const error = await rejects(kv.set("k", nest(1500, 1, (v) => [v])), "NotStorable");
    ok(error.path.startsWith("$[0][0]"));
    let deep = { f() {} };
    for (let level = 0; level < 900; level++) deep = { [`name ${level}`]: deep };
    const { message, path } = await rejects(kv.set("k", deep), "NotStorable");
    ok(path.length > 9000 && message.length < 400, `${path.length}, ${message.length}`);
    ok(message.includes('$["name 899"]') && message.includes('["name 0"].f)') && message.includes("…"), message);
    const named = await rejects(kv.set("k", { ["x".repeat(100_000)]: () => 1 }), "NotStorable");
    ok(named.path.length < 300 && named.path.includes("…"));
  },
});
