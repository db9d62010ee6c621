/** The tools that weigh the wasm: the order of its functions, and the account by feature. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { account, copies, originOf } from "../../scripts/size/account.mjs";
import { featureOf } from "../../scripts/size/features.mjs";
import { readModule, SECTION } from "../../scripts/wasm/read.mjs";
import { reordered } from "../../scripts/wasm/reorder.mjs";
import { list, section, signed, text, unsigned } from "../../scripts/wasm/write.mjs";

const bytes = (...all) => Buffer.from(all);
const I32 = 0x7f;
const body = (...code) => Buffer.concat([unsigned(code.length + 2), bytes(0), Buffer.from(code), bytes(0x0b)]);

/** Four functions: f(x) = g(x) + 1, g(x) = h(x) * 2 by the table, h(x) = imported(x) - 3, and one of another type. */
const NAMES = ["imported", "patchstore[0123456789abcdef]::models::query::f", "core[ab]::ptr::drop_in_place::<patchstore[01]::sealed::g>", "core[ab]::ptr::drop_in_place::<patchstore[01]::models::kv::h>", "five"];
const MODULE = Buffer.concat([
  bytes(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
  section(SECTION.type, list([bytes(0x60, 1, I32, 1, I32), bytes(0x60, 0, 1, I32)])),
  section(SECTION.import, list([Buffer.concat([text("m"), text("f"), bytes(0, 0)])])),
  section(SECTION.function, list([unsigned(0), unsigned(0), unsigned(0), unsigned(1)])),
  section(SECTION.table, list([bytes(0x70, 0, 2)])),
  section(SECTION.export, list([Buffer.concat([text("f"), bytes(0), unsigned(1)]), Buffer.concat([text("five"), bytes(0), unsigned(4)])])),
  section(SECTION.element, list([Buffer.concat([bytes(0, 0x41), signed(1), bytes(0x0b), list([unsigned(3)])])])),
  section(
    SECTION.code,
    list([
      body(0x20, 0, 0x10, 2, 0x41, 1, 0x6a),
      body(0x20, 0, 0x41, 1, 0x11, 0, 0, 0x41, 2, 0x6c),
      body(0x41, 0x7d, 0x20, 0, 0x10, 0, 0x6a),
      body(0x41, 5),
    ]),
  ),
  section(SECTION.custom, Buffer.concat([text("name"), section(1, list(NAMES.map((name, at) => Buffer.concat([unsigned(at), text(name)]))))])),
]);

const run = async (wasm) => {
  const { instance } = await WebAssembly.instantiate(wasm, { m: { f: (x) => x * 10 } });
  return [instance.exports.f(7), instance.exports.five()];
};

test("functions in another order do the same, and have lost their names", async () => {
  const made = reordered(MODULE);
  assert.deepEqual(await run(MODULE), [135, 5]);
  assert.deepEqual(await run(made), [135, 5]);
  const [before, after] = [readModule(MODULE), readModule(made)];
  const sizes = (module) => module.bodies.map(({ start, end }) => end - start).sort();
  assert.deepEqual(sizes(after), sizes(before));
  assert.deepEqual(after.bodies.map(({ start }) => made[start + 2]), [0x41, 0x20, 0x20, 0x41], "the one of another type is first");
  assert.equal(after.names.size, 0);
  assert.equal(made.includes("patchstore"), false);
});

test("all loads and stores of a kind tell the same of their alignment", async () => {
  const load = (alignment) => bytes(0x20, 0, 0x28, alignment, 4);
  const module = Buffer.concat([
    MODULE.subarray(0, 8),
    section(SECTION.type, list([bytes(0x60, 1, 0x7f, 1, 0x7f)])),
    section(SECTION.function, list([unsigned(0)])),
    section(SECTION.memory, list([bytes(0, 1)])),
    section(SECTION.export, list([Buffer.concat([text("f"), bytes(0), unsigned(0)])])),
    section(SECTION.code, list([body(0x20, 0, 0x42, 7, 0x37, 0, 4, ...load(1), ...load(0), 0x6a)])),
  ]);
  const made = reordered(module);
  const told = readModule(made).bodies.map(({ content, end }) => made.subarray(content, end).toString("hex"));
  assert.match(told[0], /37030420002802042000280204/);
  for (const wasm of [module, made]) {
    const { instance } = await WebAssembly.instantiate(wasm);
    assert.equal(instance.exports.f(3), 14, "not aligned all the same");
  }
});

test("an instruction that is not known is refused", () => {
  const broken = Buffer.from(MODULE);
  broken[broken.indexOf(0x6c, MODULE.indexOf(bytes(0x11)))] = 0xfe;
  assert.throws(() => reordered(broken), /fe is not known/);
});

test("the account adds up to the file, and has each function under its feature", () => {
  const delivered = reordered(MODULE);
  const { rows, functions } = account(delivered, MODULE);
  const sum = (column) => rows.reduce((total, row) => total + row[column], 0);
  assert.equal(sum("bytes"), delivered.length);
  assert.equal(sum("count"), 4);
  const byName = new Map(functions.map(({ name, feature }) => [name, feature]));
  assert.equal(byName.get("patchstore::models::query::f"), "queries, indexes");
  assert.equal(byName.get("core::ptr::drop_in_place::<patchstore::sealed::g>"), "encryption");
  assert.equal(byName.get("five"), "standard library");
  assert.deepEqual(copies(functions).map(({ origin, count }) => [origin, count]), [["core::ptr::drop_in_place::<_>", 2]]);
  const other = Buffer.from(MODULE);
  other[other.indexOf(0x6c, MODULE.indexOf(bytes(0x11)))] = 0x6a;
  assert.throws(() => account(delivered, other), /of another build/);
});

test("names: the feature that a generic function was made for, and where it comes from", () => {
  const engine = "patchstore[01]::engine::keyspace::access::afresh";
  assert.equal(featureOf(`${engine}::<patchstore[01]::models::op_log::merkle::Look>::{closure#0}`), "op-log");
  assert.equal(featureOf(engine), "engine: the rest");
  assert.equal(featureOf("<patchstore[01]::models::documents::live::Shared>::evaluate"), "live queries");
  assert.equal(featureOf("dbport_find"), "queries, indexes");
  assert.equal(featureOf("<polyval[01]::backend::soft::State>::proc_block"), "encryption");
  assert.equal(featureOf("core[01]::fmt::write"), "standard library");
  assert.equal(originOf("<alloc::rc::Rc<a::B>>::drop_slow"), "<alloc::rc::Rc<_>>::drop_slow");
  assert.equal(originOf("<a::B as core::iter::Extend<u8>>::extend::<fn(u8) -> u8>"), "<_ as core::iter::Extend<_>>::extend::<_>");
});
