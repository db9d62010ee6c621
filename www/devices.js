/** Two devices whose films are changed independently, and then merged. */
import { startDevice, titleOf } from "./device.js";
import { exchange, pull } from "./merge.js";
import { bytes, count, element, guarded, make } from "./page.js";

export async function startDevices() {
  const devices = [];
  for (const name of ["laptop", "phone"]) devices.push(await startDevice(`demo-${name}`, name, showState));
  showState();

  /** Whether they hold the same: their digests say. */
  function showState() {
    if (devices.length < 2) return;
    const [laptop, phone] = devices.map(({ facts }) => facts);
    const isSame = laptop.hash === phone.hash;
    const state = element("devices-state");
    state.textContent = isSame ? `The same ${count(laptop.count)} films, by their digests.` : "They differ.";
    state.dataset.same = isSame;
    element("devices-halves").hidden = laptop.count + phone.count > 0;
  }

  async function merge() {
    const [laptop, phone] = devices;
    const there = await exchange(laptop, phone);
    const back = await exchange(phone, laptop);
    const lines = [...[there, back].map(ofExchange), ...conflicts(there, back)];
    if (!(await areSame(devices))) lines.push(await ofDifferences(devices));
    const [{ hash }, isSame] = [await laptop.opLog.merkle(), await areSame(devices)];
    lines.push(isSame ? `Both have the digest ${hash.slice(0, 8)}.` : "The digests differ.");
    element("devices-told").replaceChildren(...lines.map((text) => make("li", text)));
  }

  element("devices-merge").addEventListener("click", guarded(async ({ currentTarget: button }) => {
    button.disabled = true;
    await merge().finally(() => (button.disabled = false));
  }));
  element("devices-halves").addEventListener("click", guarded(async () => {
    const source = await (await fetch("/data/movies.json")).json();
    const half = Math.ceil(source.length / 2);
    await Promise.all(devices.map(({ films }, at) => films.insertMany(source.slice(at * half, (at + 1) * half))));
  }));
}

async function areSame(devices) {
  const [{ hash }, other] = await Promise.all(devices.map(({ opLog }) => opLog.merkle()));
  return hash === other.hash;
}

function ofExchange({ from, to, entries, size, applied, refused }) {
  const amount = entries.length === 0 ? "nothing" : `${entryCount(entries.length)}, ${bytes(size)}`;
  const outcome = entries.length === 0 ? "" : `; ${count(applied)} applied`;
  return `${from.name} → ${to.name}: ${amount}${outcome}${refused > 0 ? `, ${count(refused)} refused` : ""}`;
}

/** Nothing waited, and yet something differs: one of them was deleted, say. */
async function ofDifferences([laptop, phone]) {
  const fetched = (await pull(laptop.opLog, phone.opLog)) + (await pull(phone.opLog, laptop.opLog));
  return `Found by comparing digests: ${count(fetched)} applied`;
}

/** What both have changed, and whose change stays: the one with the later stamp. */
function conflicts(there, back) {
  const [ofLaptop, ofPhone] = [there, back].map(({ entries }) => new Map(entries.map((entry) => [entry.key, entry])));
  const both = [...ofLaptop.keys()].filter((key) => ofPhone.has(key));
  return both.map((key) => {
    const [mine, theirs] = [ofLaptop.get(key), ofPhone.get(key)];
    const [late, early, name] = mine.hlc > theirs.hlc ? [mine, theirs, there.from.name] : [theirs, mine, back.from.name];
    return `Changed on both: ${shownOf(early)}, later on the ${name} ${shownOf(late)}`;
  });
}

const shownOf = ({ op, value }) => (op === "PUT" ? `“${titleOf(value)}”` : "deleted");
const entryCount = (n) => (n === 1 ? "1 entry" : `${count(n)} entries`);
