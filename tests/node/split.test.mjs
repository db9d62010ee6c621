/** The wasm in two parts: that the tool tells apart what is needed at first, on what the linker makes of a small program; and that parts of different builds do not go together. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readModule } from "../../scripts/wasm/read.mjs";
import { reordered } from "../../scripts/wasm/reorder.mjs";
import { FIRST, split } from "../../scripts/wasm/split.mjs";

/** What is called by a number in a table, in code and in data; what both parts call; and what the later part leaves in memory for the first to call. */
const PROGRAM = `
#![no_std]
#![no_main]
use core::hint::black_box;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { core::arch::wasm32::unreachable() }

trait Say: Sync { fn say(&self, x: u32) -> u32; }
struct Early(u32);
struct Late(u32);
impl Say for Early { fn say(&self, x: u32) -> u32 { shared(x) + self.0 } }
impl Say for Late { fn say(&self, x: u32) -> u32 { shared(x) * self.0 } }

static EARLY: Early = Early(1000);
static LATE: Late = Late(7);
static BOXED: [&dyn Say; 1] = [&EARLY];
static mut KEPT: [Option<&'static dyn Say>; 1] = [None];

#[inline(never)]
fn shared(x: u32) -> u32 { black_box(x) + 1 }
#[inline(never)]
fn only_later(x: u32) -> u32 { black_box(x) + 50 }
#[inline(never)]
fn by_pointer(x: u32) -> u32 { black_box(x) + 600 }

#[unsafe(no_mangle)]
fn early(x: u32) -> u32 { black_box(&BOXED)[0].say(x) }
#[unsafe(no_mangle)]
fn pointed(x: u32) -> u32 { black_box(by_pointer as fn(u32) -> u32)(x) }
#[unsafe(no_mangle)]
fn kept(x: u32) -> u32 { unsafe { (*black_box(&raw mut KEPT))[0].map_or(0, |say| say.say(x)) } }
#[unsafe(export_name = "keepLater")]
fn keep() { unsafe { (*black_box(&raw mut KEPT))[0] = Some(black_box(&LATE)) } }
#[unsafe(export_name = "countLater")]
fn count(x: u32) -> u32 { only_later(x) + shared(x) + pointed(x) }
`;

let directory, linked;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "patchstore-split-"));
  writeFileSync(join(directory, "program.rs"), PROGRAM);
  const flags = ["--edition=2024", "--crate-type=cdylib", "--target=wasm32-unknown-unknown", "-Copt-level=s", "-Cpanic=abort", "-Clink-arg=--emit-relocs"];
  // (The project's directory says which toolchain.)
  execFileSync("rustc", [...flags, join(directory, "program.rs"), "-o", join(directory, "program.wasm")], { cwd: new URL("../..", import.meta.url), stdio: ["ignore", "ignore", "inherit"] });
  linked = readFileSync(join(directory, "program.wasm"));
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** The names of the functions that are in it. */
function namesOf(wasm) {
  const { names, importedFunctions, bodies } = readModule(wasm);
  return bodies.map((_, at) => names.get(importedFunctions.length + at)).join();
}

test("each function is in one part, and in the later one nothing that the first may call", () => {
  const { first, later } = split(linked, linked);
  const [atFirst, afterwards] = [namesOf(first), namesOf(later)];
  for (const [name, here, there] of [
    [/shared/, atFirst, afterwards],
    [/by_pointer/, atFirst, afterwards],
    [/Early[^,]*3say/, atFirst, afterwards],
    [/only_later/, afterwards, atFirst],
    [/Late[^,]*3say/, afterwards, atFirst],
  ]) {
    assert.match(here, name);
    assert.doesNotMatch(there, name);
  }
});

test("the parts together do what the whole does, in any order of their functions", async () => {
  for (const ordered of [(wasm) => wasm, reordered]) {
    const { first, later } = split(linked, linked);
    const { instance: begun } = await WebAssembly.instantiate(ordered(first));
    const { early, pointed, kept, keepLater } = begun.exports;
    assert.deepEqual([early(1), pointed(1), kept(1), keepLater], [1002, 601, 0, undefined]);
    const { instance: added } = await WebAssembly.instantiate(ordered(later), { [FIRST]: begun.exports });
    assert.equal(added.exports.countLater(1), 51 + 2 + 601);
    added.exports.keepLater();
    assert.equal(kept(1), 14, "the first calls what the later one has left in memory");
    assert.equal(early(1), 1002);
  }
});

test("what was not linked with relocations, or is not as they say, is refused", () => {
  assert.throws(() => split(reordered(linked), linked), /--emit-relocs/);
  const damaged = Buffer.from(linked);
  const { bodies } = readModule(linked);
  // (Numbers that the linker may still change are written with five bytes.)
  for (const { content, end } of bodies) for (let at = content; at + 5 < end; at++) if (damaged[at] === 0x10 && damaged[at + 2] === 0x80) damaged[at + 1] ^= 1;
  assert.notDeepEqual(damaged, linked);
  assert.throws(() => split(damaged, linked), /is not understood/);
});

test("module and parts of the package are of one build, by the name from which they import", () => {
  const [first, later, js] = ["patchstore_bg.wasm", "patchstore_later_bg.wasm", "index.js"].map((name) => readFileSync(new URL(`../../pkg/${name}`, import.meta.url)));
  const modulesOf = (wasm) => [...new Set(WebAssembly.Module.imports(new WebAssembly.Module(wasm)).map(({ module }) => module))];
  const [hash, ...others] = modulesOf(first);
  assert.match(hash, /^[\w-]{12}$/);
  assert.deepEqual(others.filter((name) => !name.startsWith("./snippets/")), []);
  assert.deepEqual(modulesOf(later), [hash, `${hash}1`]);
  for (const name of [hash, `${hash}1`]) assert.match(js.toString(), new RegExp(`[{,]"?${name}"?:`));
});
