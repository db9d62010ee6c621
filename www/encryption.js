/** A diary that a passphrase locks: made, opened, locked, its keys changed, encrypted and decrypted as a whole. */
import { decryptPatch, encryptPatch, isPatchStoreError, listPatches } from "patchstore";
import { whenIdle } from "./idle.js";
import { openFirst } from "./open.js";
import { bytes, count, element, guarded, make, ms, renewing, timed } from "./page.js";
import { look } from "./raw.js";

const PATCH = "demo-diary";
const STATES = { none: "Not there yet", plain: "Open, not encrypted", locked: "Locked", open: "Open, encrypted" };
const HINTS = {
  WrongKey: "That does not open it.",
  Blocked: "It is open in another tab. Close it there first.",
  InvalidArgument: "That is no passphrase.",
};

let patch;
/** Whether it was opened by the recovery key. */
let isRecovered = false;
let endIdle = () => {};
/** Something is done to it as a whole: what is shown waits, since it would be opened for that. */
let isBusy = false;
/** What was read or written since the page was loaded: what must not be found in the files. */
const words = new Set();

/** The digits of a recovery key, or a passphrase. */
const credential = (text) =>
  /^[0-9a-f]{64}$/.test(text)
    ? { key: Uint8Array.from(text.match(/../g), (byte) => parseInt(byte, 16)) }
    : { passphrase: text };

/** What a field holds; it does not hold it any longer. */
function taken(id) {
  const { value } = element(id);
  element(id).value = "";
  return value;
}

async function stateNow() {
  if (patch) return patch.status.encrypted ? "open" : "plain";
  const info = (await listPatches()).find(({ id }) => id === PATCH);
  return info === undefined ? "none" : info.encrypted ? "locked" : "closed";
}

async function open(options) {
  const opened = await openFirst(PATCH, options);
  patch = opened;
  isRecovered = options?.encryption?.key !== undefined;
  // Deleted elsewhere, too.
  opened.on("closed", () => {
    if (patch === opened) patch = undefined;
    endIdle();
    void show();
  });
  opened.on("change", show);
  if (options?.encryption) watchIdle();
}

function watchIdle() {
  endIdle = whenIdle(() => Number(element("diary-idle").value), showCountdown, guarded(lockIdle));
}

async function close() {
  endIdle();
  await patch?.close();
  patch = undefined;
  element("diary-secret").hidden = true;
  element("diary-recovery-key").textContent = "";
}

async function lockIdle() {
  // Whoever waits for something is there.
  if (isBusy) return watchIdle();
  await close();
  tell("Nobody was there: it was locked.");
}

function showCountdown(seconds) {
  element("diary-countdown").textContent = seconds < 60 ? `locks in ${Math.ceil(seconds)} s` : "";
}

function tell(text, isBad = false) {
  element("diary-told").textContent = text;
  element("diary-told").classList.toggle("bad", isBad);
}

const show = renewing(async () => {
  if (isBusy) return;
  let state = await stateNow();
  if (state === "closed") {
    await open();
    state = "plain";
  }
  element("encryption").dataset.state = state;
  element("diary-state").value = STATES[state];
  if (state !== "open") element("diary-countdown").textContent = "";
  for (const part of document.querySelectorAll("#encryption [data-when]")) part.hidden = !part.dataset.when.split(" ").includes(state);
  const entries = patch ? await patch.db("diary").find("entries", {}, { sort: { _created: -1 } }) : [];
  element("diary-list").replaceChildren(...entries.map(line));
  for (const { text } of entries) words.add(text);
  if (state === "open") element("diary-keys").value = (await patch.keyring.names()).join(", ");
  await showRaw();
});

function line({ text, _created }) {
  const made = make("li");
  made.append(make("span", text), make("time", new Date(_created).toLocaleTimeString(), "quiet"));
  return made;
}

async function showRaw() {
  const { records, bytes: size, found, excerpt } = await look(PATCH, [...words]);
  const judged = words.size === 0 ? "" : found.length === 0 ? ": none of the entries is in them" : `: ${found.length === 1 ? "one entry is" : `${count(found.length)} entries are`} in them, to be read by anybody`;
  element("diary-raw-told").textContent = records === 0 ? "nothing" : `${count(records)} records, ${bytes(size)}${judged}`;
  const [before, word, after] = excerpt;
  element("diary-raw").replaceChildren(before, word && make("mark", word), after);
}

/** What the user can put right is told where they look; meanwhile nothing else can be pressed. */
const doing = (work) => guarded(async (event) => {
  event?.preventDefault();
  const section = element("encryption");
  const buttons = [...section.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  tell("One moment …");
  await show();
  isBusy = true;
  try {
    tell(await work());
  } catch (error) {
    if (!isPatchStoreError(error)) throw error;
    tell(`${HINTS[error.code] ?? error.message} (${error.code})`, true);
  } finally {
    isBusy = false;
    for (const button of buttons) button.disabled = false;
    await show();
    // What was pressed may have gone.
    const { activeElement } = document;
    if (activeElement === document.body || !activeElement.checkVisibility()) section.querySelector("form:not([hidden], [hidden] *) input")?.focus();
  }
});

const on = (id, event, work) => element(id).addEventListener(event, doing(work));

export async function startEncryption() {
  on("diary-create", "submit", async () => {
    const [, took] = await timed(() => open({ encryption: { passphrase: taken("diary-first") } }));
    return `Created under that passphrase, in ${ms(took)}.`;
  });
  on("diary-create-plain", "click", async () => {
    await open();
    return "Created. It is not encrypted.";
  });
  on("diary-unlock", "submit", async () => {
    const [, took] = await timed(() => open({ encryption: credential(taken("diary-given")) }));
    return `Unlocked in ${ms(took)}.`;
  });
  on("diary-form", "submit", async () => {
    await patch.db("diary").insert("entries", { text: taken("diary-text") });
    return "Written.";
  });
  on("diary-lock", "click", async () => {
    await close();
    return "Locked: the keys are wiped.";
  });
  on("diary-rekey", "submit", async () => {
    const to = { passphrase: taken("diary-another") };
    // Who has come in by the recovery key keeps it: the passphrase is that of "main".
    const [, took] = await timed(() => (isRecovered ? patch.keyring.set("main", to) : patch.rekey(to)));
    return `The passphrase was changed in ${ms(took)}. No entry was written again.`;
  });
  on("diary-recovery", "click", async () => {
    const key = crypto.getRandomValues(new Uint8Array(32));
    await patch.keyring.set("recovery", { key });
    element("diary-recovery-key").textContent = Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("");
    element("diary-secret").hidden = false;
    return "There is a recovery key now.";
  });
  on("diary-encrypt", "submit", async () => {
    await close();
    const [, took] = await timed(() => encryptPatch(PATCH, { passphrase: taken("diary-new") }));
    return `Encrypted as a whole in ${ms(took)}.`;
  });
  on("diary-decrypt", "click", async () => {
    const [, took] = await timed(() => decryptPatch(PATCH, credential(taken("diary-given"))));
    return `Decrypted as a whole in ${ms(took)}.`;
  });
  // Another tab may have made, locked or converted it.
  addEventListener("focus", () => void show());
  await show();
}
