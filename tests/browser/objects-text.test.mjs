import { inPage } from "./api/harness.mjs";

inPage({
  "text of a kv object: keys and values": async ({ open, same }) => {
    const patch = await open();
    const object = patch.kvObject({ node: "n" });
    const { kv } = patch.node("n");
    const pairs = [
      ["set k 1", "k", 1],
      ["set k -1.5e3", "k", -1500],
      ["set k true", "k", true],
      ["set k null", "k", null],
      ['set k "quoted \\u00e9"', "k", "quoted é"],
      ['set k ""', "k", ""],
      ["set k [1, {\"a\": null}]", "k", [1, { a: null }]],
      ["set k plain text  with spaces", "k", "plain text  with spaces"],
      ["  \t set\r\n k \n  around   \t\r\n", "k", "around"],
      ["set k 007", "k", "007"],
      ["set k {not: JSON}", "k", "{not: JSON}"],
      ['set k "not closed', "k", '"not closed'],
      ['set k "a" b', "k", '"a" b'],
      ["set k [1", "k", "[1"],
      ["set k undefined", "k", "undefined"],
      ["set k \u00a0no space of JSON\u00a0", "k", "\u00a0no space of JSON\u00a0"],
      ['set "key with spaces" 1', "key with spaces", 1],
      ['set "" 1', "", 1],
      ['set "\\"\\\\" 1', '"\\', 1],
      ['set "\\\\" "\\\\"', "\\", "\\"],
      ['set "a\\\\\\"b c" 1', 'a\\"b c', 1],
      ['set "\\u0000\\ud800" 1', "\0\ud800", 1],
      ["set \ud800 \udc00", "\ud800", "\udc00"],
      ['set a"b 1', 'a"b', 1],
      ["set a\u00a0b 1", "a\u00a0b", 1],
      ["set set set", "set", "set"],
      ["set {\"a\":1} 2", '{"a":1}', 2],
      ["set __proto__ 1", "__proto__", 1],
      ['set k {"__proto__": {"a": 1}}', "k", JSON.parse('{"__proto__": {"a": 1}}')],
      [`set ${"x".repeat(1000)} 1`, "x".repeat(1000), 1],
    ];
    for (const [text, key, value] of pairs) {
      same(await object.send(text), { op: "set", key, ok: true }, text);
      same(await kv.get(key), value, text);
      same(await object.send(`get ${JSON.stringify(key)}`), { op: "get", key, value, found: true }, text);
      same(await object.send(`\n\thas\t${JSON.stringify(key)}\n`), { op: "has", key, exists: true }, text);
    }
    same((await object.send("  keys  ")).keys, [...new Set(pairs.map(([, key]) => key))].sort());
  },

  "text of a kv object: an error says where": async ({ open, same, ok }) => {
    const patch = await open();
    const object = patch.kvObject({ node: "n" });
    const wrong = [
      ["", 1, "the end"],
      ["   ", 4, "the end"],
      ["frob k", 1, '"frob k"'],
      [" Get k", 2, '"Get k"'],
      ["get", 4, "a key"],
      ["get ", 5, "a key"],
      ["get a b", 7, '"b"'],
      ["keys all", 6, '"all"'],
      ["set", 4, "a key"],
      ["set k", 6, "a value"],
      ["set k \n", 8, "a value"],
      ['get "a', 7, "a closing quote"],
      ['get "a\\"', 9, "a closing quote"],
      ['get "a"b', 8, "a space"],
      ['get "a\\x" ', 5, "a JSON string"],
      ['get "a\nb"', 5, "a JSON string"],
      ["setStore", 9, "the name of a store"],
      ["setStore a b", 12, "the end"],
      ['"get" k', 1, "one of get, set, delete, keys, clear, has, setStore"],
      ["__proto__ k", 1, '"__proto__ k"'],
      ["constructor", 1, '"constructor"'],
      ["get\u00a0k", 1, "one of"],
    ];
    for (const [text, at, part] of wrong) {
      const { op, code, message, ...more } = await object.send(text);
      same([op, code, more], ["error", "InvalidArgument", {}], text);
      ok(message.includes(`at character ${at},`) && message.includes(part), `${JSON.stringify(text)}: ${message}`);
    }
    for (const text of [`get ${"x".repeat(1001)}`, `set "${"é".repeat(1001)}" 1`, `setStore ${"x".repeat(1001)}`]) {
      const { code, message } = await object.send(text);
      same(code, "InvalidArgument");
      ok(message.includes("1001") && message.length < 200, message);
    }
  },

  "text of a db object: collections, ids, documents and queries": async ({ open, same, ok }) => {
    const patch = await open();
    const object = patch.dbObject({ node: "n" });
    const doc = '{"_id": "an id", "text": "hi", "tags": ["a b"]}';
    same(await object.send(`insert "my notes" ${doc}`), { op: "insert", collection: "my notes", id: "an id" });
    same((await object.send('find "my notes" {"text": "hi"}')).count, 1);
    same((await object.send('find "my notes"{"text": "hi"}')).code, "InvalidArgument");
    same((await object.send('count "my notes" {"tags.0": "a b"} ')).count, 1);
    same((await object.send('findOne "my notes" "an id"')).doc.text, "hi");
    same((await object.send('update "my notes" "an id" {"text": "ho"}')).ok, true);
    same((await object.send('find "my notes" {"text": "hi"}')).count, 0);
    same((await object.send('delete "my notes" "an id"')).ok, true);
    const wrong = [
      ["insert notes", 13, "a document"],
      ["insert notes  ", 15, "a document"],
      ["insert", 7, "a collection"],
      ["insert notes hi", 14, "a document, a JSON object,"],
      ["insert notes [1]", 14, "a document, a JSON object,"],
      ["insert notes null", 14, "a document, a JSON object,"],
      ["insert notes \"text\"", 14, "a document, a JSON object,"],
      ["find notes true", 12, "a query, a JSON object,"],
      ["find notes {} {}", 12, "a query, a JSON object,"],
      ['insert notes {"text": hi}', 14, 'found "{\\"text\\": hi}"'],
      ['insert notes {"a": 1,}', 14, "a document, a JSON object,"],
      ['insert notes {"a": 1', 14, "a document, a JSON object,"],
      ["findOne notes", 14, "an id"],
      ["findOne notes a b", 17, "the end"],
      ["update notes x", 15, "a document"],
      ["update notes {}", 16, "a document"],
      ["drop notes now", 12, "the end"],
    ];
    for (const [text, at, part] of wrong) {
      const { op, code, message } = await object.send(text);
      same([op, code], ["error", "InvalidArgument"], text);
      ok(message.includes(`at character ${at},`) && message.includes(part), `${JSON.stringify(text)}: ${message}`);
    }
    same((await object.send('find ""')).code, "InvalidArgument");
  },

  "text: 10 MB of anything take time in proportion": async ({ open, same }) => {
    const patch = await open();
    const kv = patch.kvObject({ node: "n" });
    const db = patch.dbObject({ node: "n" });
    const MB10 = 10 * 1024 * 1024;
    const long = (unit) => unit.repeat(MB10 / unit.length);
    // None of these is plausible; a parser that backtracks takes hours over some.
    const bodies = [" ", "x", "\\", '"', '\\"', "[", '{"a":', '"a" ', " x", "\n", "1", "-", "\\u00e9", ",", "\ud800 "];
    const sent = [
      [kv, ["", "get ", 'get "', "set k ", 'set k "']],
      [db, ['insert c {"', "insert c [", 'find c {"a": "', "find c {"]],
    ];
    for (const [round, unit] of bodies.entries()) {
      const body = long(unit);
      for (const [object, prefixes] of sent) {
        for (const prefix of prefixes.filter((_, at) => (at + round) % 2 === 0)) {
          const { op, message = "" } = await object.send(prefix + body);
          same(["error", "set"].includes(op), true, `${prefix}${unit}: ${op}`);
          same(message.length < 1000, true, `${prefix}${unit}: ${message.length} units of message`);
        }
      }
    }
    const text = `${long("word ")}end`;
    same((await kv.send(`set long ${text}`)).op, "set");
    same((await kv.send("get long")).value === text, true);
    const doc = { text };
    same((await db.send(`insert c ${JSON.stringify(doc)}`)).op, "insert");
    same((await db.send("find c")).docs[0].text === text, true);
    await patch.close();
  },
});
