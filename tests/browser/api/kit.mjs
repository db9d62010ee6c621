/** What tests of the API use inside the page. */
import * as lib from "/pkg/index.js";
import { clock } from "/pkg/testing.js";
import { PatchStorageAdapter } from "/pkg/storage-adapter.js";

let opened = 0;

/** Opens a patch of its own, in memory unless told otherwise. */
export function open(options = {}, id = `api-${++opened}-${Math.random()}`) {
  return lib.openPatch(id, { backend: "memory", ...options });
}

/** The class of storage adapters, and a name that none has had. */
export function adapter() {
  return { PatchStorageAdapter, name: `adapter-${++opened}-${Math.random()}` };
}

/** What a request of IndexedDB comes to. */
export function asked(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Where and how two values differ, or undefined: stricter than structural equality. */
export function difference(a, b, path = "$") {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return `${path}: ${show(a)} is not ${show(b)}`;
  }
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) {
    const plain = (v) => [null, Object.prototype].includes(Object.getPrototypeOf(v));
    if (!plain(a) || !plain(b)) return `${path}: the classes differ, ${show(a)} and ${show(b)}`;
  }
  if (a instanceof Date) return difference(a.getTime(), b.getTime(), `${path}.getTime()`);
  if (a instanceof ArrayBuffer) return difference([...new Uint8Array(a)], [...new Uint8Array(b)], path);
  if (ArrayBuffer.isView(a)) {
    const bytes = (v) => [...new Uint8Array(v.buffer, v.byteOffset, v.byteLength)];
    return difference(bytes(a), bytes(b), path);
  }
  if (a instanceof Map) return difference([...a], [...b], `${path}(Map)`);
  if (a instanceof Set) return difference([...a], [...b], `${path}(Set)`);
  const names = Object.keys(a);
  const order = difference2(names, Object.keys(b));
  if (order) return `${path}: properties ${order}`;
  if (Array.isArray(a) && a.length !== b.length) return `${path}: ${a.length} items, not ${b.length}`;
  for (const name of names) {
    const found = difference(a[name], b[name], `${path}[${JSON.stringify(name)}]`);
    if (found) return found;
  }
  return undefined;
}

function difference2(a, b) {
  return a.length === b.length && a.every((each, at) => each === b[at])
    ? undefined
    : `${show(a)} are not ${show(b)}`;
}

function show(value) {
  try {
    return typeof value === "bigint" ? `${value}n` : (JSON.stringify(value)?.slice(0, 200) ?? String(value));
  } catch {
    return Object.prototype.toString.call(value);
  }
}

export function same(actual, expected, what = "") {
  const found = difference(actual, expected);
  if (found) throw new Error(`${what} ${found}`);
}

export function ok(condition, what) {
  if (!condition) throw new Error(what ?? "expected to be true");
}

function checkError(error, code, more, what) {
  if (!lib.isPatchStoreError(error) || !(error instanceof lib.PatchStoreError)) {
    throw new Error(`${what}: not a PatchStoreError but ${String(error)} ${error?.stack}`);
  }
  same(error.code, code, `${what} (${error.message}):`);
  for (const [name, value] of Object.entries(more)) {
    if (value instanceof RegExp) ok(value.test(error[name]), `${what}: ${error[name]} lacks ${value}`);
    else same(error[name], value, `${what}, ${name}:`);
  }
}

/** Expects a rejection with a code (and other members, by equality or pattern). */
export async function rejects(promise, code, more = {}, what = "") {
  let value;
  try {
    value = await promise;
  } catch (error) {
    checkError(error, code, more, what);
    return error;
  }
  throw new Error(`${what}: resolved to ${show(value)} instead of rejecting with ${code}`);
}

/** Expects a synchronous throw with a code. */
export function throws(call, code, more = {}, what = "") {
  let value;
  try {
    value = call();
  } catch (error) {
    checkError(error, code, more, what);
    return error;
  }
  throw new Error(`${what}: returned ${show(value)} instead of throwing ${code}`);
}

/** Expects a rejection with this very reason. */
export async function rejectsWith(promise, reason) {
  try {
    await promise;
  } catch (error) {
    ok(error === reason, `rejected with another reason: ${String(error)}`);
    return;
  }
  throw new Error("did not reject");
}

/** Waits until `condition` holds. */
export async function until(condition, what = "the condition", ms = 3000) {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what} did not come about in ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A small generator of random numbers with a seed (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The SHA-256 of bytes, as hex digits. */
export async function shaOf(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of a Blob, or of a promise of one. */
export async function bytesOf(blob) {
  return new Uint8Array(await (await blob).arrayBuffer());
}

export { clock, lib };
