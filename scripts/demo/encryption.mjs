/** Drives the diary: made, locked, opened by the right key alone, its keys changed; and what IndexedDB has of it. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { click, eventually, linesOf, press, textOf } from "./page.mjs";

const PATCH = "demo-diary";
const [FIRST, SECOND] = ["correct horse battery staple", "na\u00efve zebra crossing"];
const PLAIN = "[Written while it was plain]";
/** The same, with its accent apart. */
const SECOND_TYPED = SECOND.normalize("NFD");
/**
 * (No two pieces of four letters are alike: such would be compressed where they lie in the clear. Nor does one begin as
 * an _id can: that has been `":"B` in both.)
 */
const ENTRIES = ["\u00a1Buy flowers for Ada!", "(My bike lock opens by 4711)", "\u00dcnic\u00f6d\u00e9 secrets"];

const state = (page, expected, what) => eventually(() => textOf(page, "#diary-state"), expected, what);
const told = (page) => textOf(page, "#diary-told");
const raw = (page) => textOf(page, "#diary-raw-told");

/** Presses, and waits for what is told of it. */
async function outcome(page, name, expected, by = click) {
  await page.locator("#diary-told").evaluate((line) => (line.textContent = ""));
  await by(page, name);
  await page.waitForFunction(() => !["", "One moment …"].includes(document.querySelector("#diary-told").textContent));
  const said = await told(page);
  match(said, expected, `${name}: ${said}`);
  return said;
}

async function type(page, label, text) {
  await page.getByLabel(label, { exact: true }).fill(text);
}

async function unlock(page, text, expected = /^Unlocked in [\d.]+ ms\.$/) {
  await type(page, "Passphrase, or recovery key", text);
  const said = await outcome(page, "Unlock", expected, press);
  strictEqual(await page.getByLabel("Passphrase, or recovery key", { exact: true }).inputValue(), "", "what was typed does not stay");
  return said;
}

async function lock(page) {
  await outcome(page, "Lock", /^Locked: the keys are wiped\.$/);
  await state(page, "Locked", "after Lock");
  deepStrictEqual(await linesOf(page, "#diary-list"), [], "nothing of it is shown any more");
}

const shown = (page) => page.locator("#diary-list li span").allInnerTexts();

/** Which of the entries are in the records, read past the page's own code, and how many records there are. */
const found = (page, words) =>
  page.evaluate(async ({ name, words }) => {
    const asked = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) }));
    const database = await asked(indexedDB.open(name));
    const stores = [...database.objectStoreNames];
    const transaction = database.transaction(stores);
    const values = await Promise.all(stores.map((store) => asked(transaction.objectStore(store).getAll())));
    database.close();
    const texts = values.flat(2).filter(ArrayBuffer.isView).map((record) => new TextDecoder("latin1").decode(record));
    const latin = (text) => new TextDecoder("latin1").decode(new TextEncoder().encode(text));
    return { records: texts.length, words: words.filter((word) => texts.some((text) => text.includes(latin(word)))) };
  }, { name: `patchstore_${PATCH}`, words });

/** What the library gives to whoever has this, and no more than the code of its error to others. */
const readBy = (page, passphrase) =>
  page.evaluate(async ({ id, passphrase }) => {
    const { openPatch } = await import("patchstore");
    try {
      const patch = await openPatch(id, passphrase && { encryption: { passphrase } });
      const entries = await patch.db("diary").find("entries");
      await patch.close();
      return entries.map(({ text }) => text);
    } catch ({ code }) {
      return code;
    }
  }, { id: PATCH, passphrase });

async function write(page, entries) {
  for (const text of entries) {
    await type(page, "New entry", text);
    await outcome(page, "Write", /^Written\.$/, press);
  }
}

export async function fillEncryption(page) {
  await state(page, "Not there yet", "before anything");
  await type(page, "Choose a passphrase", FIRST);
  const made = await outcome(page, "Create it encrypted", /^Created under that passphrase, in [\d.]+ ms\.$/, press);
  await state(page, "Open, encrypted", "created");
  await write(page, ENTRIES);
  await eventually(() => shown(page), ENTRIES.toReversed(), "the newest first");
  const { records, words } = await found(page, [...ENTRIES, "diary\"", "entries", "text"]);
  ok(records > 2, `${records} records`);
  deepStrictEqual(words, [], "nothing of it is in IndexedDB");
  await eventually(async () => /none of the entries is in them$/.test(await raw(page)), true, "the page says so, too");

  await lock(page);
  await unlock(page, "wrong", /^That does not open it\. \(WrongKey\)$/);
  await state(page, "Locked", "after a wrong passphrase");
  await unlock(page, FIRST);
  await eventually(() => shown(page), ENTRIES.toReversed(), "read back");
  return `encryption: ${made} ${ENTRIES.length} entries stored and read back, none of them in the ${records} records; a wrong passphrase was refused`;
}

export async function changeKeys(page) {
  await type(page, "Another passphrase", SECOND);
  const changed = await outcome(page, "Change it", /^The passphrase was changed in [\d.]+ ms\. No entry was written again\.$/, press);
  await outcome(page, "Make a recovery key", /^There is a recovery key now\./);
  const key = await textOf(page, "#diary-recovery-key");
  match(key, /^[0-9a-f]{64}$/);
  strictEqual(await textOf(page, "#diary-keys"), "main, recovery");
  return [`encryption: ${changed} A recovery key was made`, key];
}

/** Both keys open it, in any spelling; the one before does not. */
export async function useKeys(page, key) {
  await lock(page);
  strictEqual(await page.locator("#diary-recovery-key").textContent(), "", "nor is the recovery key");
  await unlock(page, FIRST, /WrongKey/);
  await unlock(page, key);
  await eventually(() => shown(page), ENTRIES.toReversed(), "by the recovery key");
  for (const passphrase of [FIRST, SECOND]) {
    // Whoever has forgotten the passphrase chooses another one; the recovery key stays.
    await type(page, "Another passphrase", passphrase);
    await outcome(page, "Change it", /^The passphrase was changed/, press);
  }
  strictEqual(await textOf(page, "#diary-keys"), "main, recovery");
  await lock(page);
  await unlock(page, key);
  await lock(page);
  await unlock(page, SECOND_TYPED);

  await page.getByLabel("by itself", { exact: true }).selectOption("after 5 seconds");
  await eventually(async () => /^locks in [1-5] s$/.test(await textOf(page, "#diary-countdown")), true, "the countdown");
  await state(page, "Locked", "when nobody was there");
  strictEqual(await told(page), "Nobody was there: it was locked.");
  return "encryption: the recovery key and the new passphrase open it, the old one does not; it locked by itself";
}

export async function checkEncryption(page) {
  await state(page, "Locked", "after the restart");
  deepStrictEqual(await shown(page), []);
  deepStrictEqual([await readBy(page), await readBy(page, FIRST)], ["Encrypted", "WrongKey"], "who has no key, or an old one");
  deepStrictEqual(await readBy(page, SECOND), ENTRIES, "entries after the restart");
  await unlock(page, SECOND);
  await eventually(() => shown(page), ENTRIES.toReversed(), "shown after the restart");
  await lock(page);
  return `encryption: locked after the restart; unlocked, it has all ${ENTRIES.length} entries`;
}

/** The whole diary is decrypted, lies in the clear, and is encrypted again; another tab that has it open is in the way. */
export async function convertDiary(page, open) {
  await type(page, "Passphrase, or recovery key", SECOND);
  const decrypted = await outcome(page, "Decrypt it for good", /^Decrypted as a whole in [\d.]+ ms\.$/);
  await state(page, "Open, not encrypted", "decrypted");
  await eventually(() => shown(page), ENTRIES.toReversed(), "after it was decrypted");
  deepStrictEqual((await found(page, ENTRIES)).words, ENTRIES, "what lies in IndexedDB now");
  await eventually(async () => /3 entries are in them, to be read by anybody$/.test(await raw(page)), true, "the page says so, too");
  ok(ENTRIES.includes(await textOf(page, "#diary-raw mark")), "and shows one");
  await write(page, [PLAIN]);

  const other = await open();
  await type(page, "Passphrase to lock it with", FIRST);
  await outcome(page, "Encrypt it", /^It is open in another tab\. Close it there first\. \(Blocked\)$/, press);
  await other.close();
  await state(page, "Open, not encrypted", "it was in the way");
  await type(page, "Passphrase to lock it with", FIRST);
  const encrypted = await outcome(page, "Encrypt it", /^Encrypted as a whole in [\d.]+ ms\.$/, press);
  await state(page, "Locked", "encrypted again");
  deepStrictEqual((await found(page, [...ENTRIES, PLAIN])).words, [], "nothing of it is in IndexedDB any more");
  deepStrictEqual([await readBy(page), await readBy(page, SECOND)], ["Encrypted", "WrongKey"], "who has no key, or that of before");
  deepStrictEqual(await readBy(page, FIRST), [...ENTRIES, PLAIN], "entries after both");
  await unlock(page, FIRST);
  await eventually(() => shown(page), [PLAIN, ...ENTRIES.toReversed()], "shown after both");
  await lock(page);
  return `encryption: ${decrypted} All ${ENTRIES.length} entries lay in IndexedDB. ${encrypted} None of them does`;
}
